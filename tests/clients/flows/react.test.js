// `useSession` in a page: what components show while a person signs up, in and out.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { closePage } from "../lib/dom.js";
import { Browser } from "../lib/browser.js";
import { PASSWORD, newEmail, ok, refused } from "../lib/people.js";

// After the page's globals are there.
const { createElement, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");
const versions = {
  "1.7.25": (await import("better-auth/react")).createAuthClient,
  "1.4.18": (await import("better-auth-1-4/react")).createAuthClient,
};

const DEADLINE_MS = 15_000;
const roots = [];

/** Components that show the session; `frames` is everything each of them showed. */
function mount(client, count = 1) {
  const frames = Array.from({ length: count }, () => []);
  const Shown = ({ frame }) => {
    const { data, isPending, error } = client.useSession();
    const shows = error ? `error ${error.status}` : isPending ? "pending" : data ? data.user.name : "signed out";
    if (frame.at(-1) !== shows) frame.push(shows);
    return createElement("p", null, shows);
  };
  const element = document.createElement("div");
  document.body.append(element);
  const root = createRoot(element);
  roots.push(root);
  root.render(createElement(StrictMode, null, frames.map((frame, key) => createElement(Shown, { frame, key }))));
  const shown = () => [...element.querySelectorAll("p")].map(({ textContent }) => textContent);
  return { frames, shown, becomes: (text) => until(() => shown().length === count && shown().every((one) => one === text), () => `${shown()} instead of ${text}`) };
}

async function until(holds, otherwise) {
  const deadline = Date.now() + DEADLINE_MS;
  while (!holds()) {
    if (Date.now() > deadline) assert.fail(otherwise());
    await pause(5);
  }
}

afterEach(() => roots.splice(0).forEach((root) => root.unmount()));
after(closePage);

for (const [version, create] of Object.entries(versions)) {
  describe(`useSession of ${version}`, () => {
    test("pending, then signed out, then the user, then signed out", async () => {
      const browser = new Browser();
      const client = browser.client(create);
      const page = mount(client);
      await page.becomes("signed out");
      assert.deepEqual(page.frames[0], ["pending", "signed out"]);

      const email = newEmail();
      ok(await client.signUp.email({ name: "Ada", email, password: PASSWORD }));
      await page.becomes("Ada");
      ok(await client.updateUser({ name: "Ada L" }));
      await page.becomes("Ada L");
      ok(await client.signOut());
      await page.becomes("signed out");
      ok(await client.signIn.email({ email, password: PASSWORD }));
      await page.becomes("Ada L");
      ok(await client.deleteUser({ password: PASSWORD }));
      await page.becomes("signed out");
    });

    test("a reloaded page finds the session of its cookie", async () => {
      const browser = new Browser();
      ok(await browser.client(create).signUp.email({ name: "Ada", email: newEmail(), password: PASSWORD }));
      const page = mount(browser.client(create));
      await page.becomes("Ada");
      assert.deepEqual(page.frames[0], ["pending", "Ada"]);
    });

    test("components share one request and one state", async () => {
      const browser = new Browser();
      const client = browser.client(create);
      const page = mount(client, 3);
      await page.becomes("signed out");
      assert.deepEqual(browser.requests, ["GET /api/auth/get-session"]);
      ok(await client.signUp.email({ name: "Ada", email: newEmail(), password: PASSWORD }));
      await page.becomes("Ada");
      assert.deepEqual(browser.requests, ["GET /api/auth/get-session", "POST /api/auth/sign-up/email", "GET /api/auth/get-session"]);
    });

    test("a refused sign-in changes nothing and asks nothing", async () => {
      const browser = new Browser();
      const client = browser.client(create);
      const page = mount(client);
      await page.becomes("signed out");
      const before = browser.requests.length;
      refused(await client.signIn.email({ email: newEmail(), password: PASSWORD }), 401, "INVALID_EMAIL_OR_PASSWORD");
      // After a success the client would look again some 10 ms later.
      await pause(100);
      assert.deepEqual(browser.requests.slice(before), ["POST /api/auth/sign-in/email"]);
      assert.deepEqual(page.shown(), ["signed out"]);
    });

    test("a session that was revoked elsewhere is gone at the next look", async () => {
      const browser = new Browser();
      const client = browser.client(create);
      const page = mount(client);
      const email = newEmail();
      ok(await client.signUp.email({ name: "Ada", email, password: PASSWORD }));
      await page.becomes("Ada");
      const other = new Browser().client(create);
      ok(await other.signIn.email({ email, password: PASSWORD }));
      ok(await other.revokeOtherSessions());
      refused(await client.updateUser({ name: "x" }), 401, "UNAUTHORIZED");
      client.$store.notify("$sessionSignal");
      await page.becomes("signed out");
    });
  });
}
