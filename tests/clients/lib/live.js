// People with the official live client, against the server that the environment names.
import assert from "node:assert/strict";
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { convexClient } from "@convex-dev/better-auth/client/plugins";
import { createAuthClient } from "better-auth/client";
import { Browser } from "./browser.js";
import { ok, signedUp } from "./people.js";

export const api = anyApi;
const DEADLINE_MS = 30_000;

/** Origin of the server and of the sandbox inside it. */
export const LIVE_URL = process.env.LIVE_URL;
export const SANDBOX_URL = process.env.SANDBOX_URL;

/** Waits until something holds, without a clock of its own beyond the deadline. */
export async function until(holds, otherwise = () => "it never came") {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > deadline) assert.fail(otherwise());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Someone new, signed up at `base`, on a plan with room. */
export async function person({ base = LIVE_URL, token = process.env.LIVE_OPERATOR_TOKEN, name = "Ada" } = {}) {
  const someone = await signedUp({ base, name });
  const answer = await fetch(`${base}/api/admin/workspaces/${someone.user.id}/plan`, {
    method: "PUT",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ plan: "growth" }),
  });
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
  return someone;
}

/** What `setAuth` asks for tokens: the session's, over the official pairing's client plugin. */
export function tokens({ browser }, create = createAuthClient) {
  const client = browser.client(create, { plugins: [convexClient()] });
  return async () => {
    for (;;) {
      try {
        const { data, error } = await client.convex.token();
        if (data || error.status === 401) return data?.token ?? null;
      } catch {
        // Nobody is there just now, or not yet. A page would sign out here; this one waits.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
}

const opened = [];

/** A live client of a person; over a cable when its address is given. */
export function live(someone, { url = someone.browser.base, ...options } = {}) {
  const client = new ConvexClient(url, { skipConvexDeploymentUrlCheck: true, ...options });
  client.setAuth(tokens(someone));
  opened.push(client);
  return client;
}

/** Closes what was opened. */
export const closeAll = () => Promise.all(opened.splice(0).map((client) => client.close()));

/** A subscription: every value that came, in order, and what it failed with. */
export function follow(client, query, args = {}) {
  const followed = { values: [], errors: [] };
  followed.stop = client.onUpdate(query, args, (value) => followed.values.push(value), (error) => followed.errors.push(error));
  followed.becomes = (holds) => until(() => followed.values.length > 0 && holds(followed.values.at(-1)), () => `the last of ${followed.values.length} values: ${JSON.stringify(followed.values.at(-1))?.slice(0, 2000)}; errors: ${followed.errors}`);
  return followed;
}

/** A rule that answers a keyword. */
export const rule = (title, more = {}) => ({ title, triggerWord: title, responseType: "fixed", responseContent: `about ${title}`, ...more });

let accounts = 0;

/** A professional account that nobody has connected yet: its id and its handle. */
export async function newAccount(sandbox = SANDBOX_URL) {
  const username = `fictional.${process.pid}.${(accounts += 1)}`;
  const answer = await fetch(`${sandbox}/_sandbox/accounts`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username }) });
  assert.ok(answer.ok, `${answer.status} ${await answer.clone().text()}`);
  return { ...(await answer.json()), username };
}

/** Goes to the consent page of Instagram and back; `login` is a handle that the sandbox knows. */
export async function connectInstagram({ browser }, login) {
  const begun = await browser.navigate("/api/auth/instagram");
  const page = new URL(begun.headers.location);
  page.searchParams.set("sandbox_login", login);
  const agreed = await new Browser(page.origin).navigate(page.href);
  const back = new URL(agreed.headers.location);
  const done = await browser.navigate(back.pathname + back.search);
  assert.match(done.headers.location ?? "", /success=instagram_connected/);
}

/** Something that happens at Instagram: `dm`, `comment`, … (the sandbox's control API). */
export async function happens(action, body, sandbox = SANDBOX_URL) {
  const answer = await fetch(`${sandbox}/_sandbox/actions/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${answer.status} ${text}`);
  return JSON.parse(text);
}

export { ok };
