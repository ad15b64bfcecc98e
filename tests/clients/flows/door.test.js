// What guards the accounts: rate limits, the error page, the origin of a page.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser } from "../lib/browser.js";
import { BASE_URL } from "../lib/env.js";
import { freshAddress, send } from "../lib/http.js";
import { PASSWORD, newEmail, ok, refused, signedUp } from "../lib/people.js";

const JSON_TYPE = { "content-type": "application/json" };
const postJson = (path, body, more = {}) =>
  send(`${BASE_URL}/api/auth${path}`, { method: "POST", body: JSON.stringify(body), ...more, headers: { ...JSON_TYPE, origin: BASE_URL, ...more.headers } });

describe("rate limits", () => {
  const TOO_MANY = { message: "Too many requests. Please try again later." };
  const refusedIn = (answer, windowS) => {
    assert.equal(answer.status, 429);
    assert.deepEqual(answer.json, TOO_MANY);
    const wait = Number(answer.headers["x-retry-after"]);
    assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= windowS, `wait ${answer.headers["x-retry-after"]}`);
  };

  test("the fourth sign-in from one address, not from another, not on another path", async () => {
    const client = freshAddress();
    const attempt = (from) => postJson("/sign-in/email", { email: "zz", password: PASSWORD }, { client: from });
    for (let count = 0; count < 3; count += 1) assert.equal((await attempt(client)).status, 400);
    refusedIn(await attempt(client), 10);
    refusedIn(await attempt(client), 10);
    assert.equal((await attempt(freshAddress())).status, 400);
    assert.equal((await send(`${BASE_URL}/api/auth/get-session`, { client })).status, 200);
  });

  test("the fourth reset mail within a minute", async () => {
    const client = freshAddress();
    const attempt = () => postJson("/request-password-reset", { email: newEmail("nobody") }, { client });
    for (let count = 0; count < 3; count += 1) assert.equal((await attempt()).status, 200);
    refusedIn(await attempt(), 60);
  });

  test("the hundred and first of anything else, even of a path that is not there", async () => {
    for (const path of ["/ok", "/nope"]) {
      const client = freshAddress();
      const attempt = () => send(`${BASE_URL}/api/auth${path}`, { client });
      const statuses = await Promise.all(Array.from({ length: 110 }, async () => (await attempt()).status));
      assert.equal(statuses.filter((status) => status === 429).length, 10);
    }
  });

  test("the official client tells its page", async () => {
    const browser = new Browser();
    browser.address = freshAddress();
    const page = browser.client();
    for (let count = 0; count < 3; count += 1) refused(await page.signIn.email({ email: newEmail(), password: PASSWORD }), 401, "INVALID_EMAIL_OR_PASSWORD");
    const error = refused(await page.signIn.email({ email: newEmail(), password: PASSWORD }), 429, undefined);
    assert.equal(error.message, TOO_MANY.message);
    assert.equal(error.statusText, "Too Many Requests");
  });
});

describe("error page", () => {
  const page = async (query) => {
    const answer = await send(`${BASE_URL}/api/auth/error${query}`);
    if (answer.status === 302) return { code: new URL(answer.headers.location, BASE_URL).searchParams.get("error"), text: "" };
    assert.equal(answer.status, 200);
    assert.match(answer.headers["content-type"], /^text\/html/);
    return { code: null, text: answer.text };
  };

  test("shows a code and nothing that could be markup", async () => {
    const shows = async (query, code) => {
      const shown = await page(query);
      assert.ok(shown.code === code || shown.text.includes(code), `${query} does not show ${code}`);
      assert.ok(!shown.text.includes("<script>alert"), `${query} puts markup into the page`);
    };
    await shows("?error=state_mismatch", "state_mismatch");
    await shows("", "UNKNOWN");
    await shows("?error=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "UNKNOWN");
    await shows("?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "access_denied");
  });
});

describe("origin of a page", () => {
  test("another site's page can neither sign in nor act for a signed-in person", async () => {
    const { browser, email } = await signedUp();
    const foreign = { headers: { origin: "https://evil.example" } };
    const signIn = await postJson("/sign-in/email", { email, password: PASSWORD }, foreign);
    assert.deepEqual([signIn.status, signIn.json.code], [403, "INVALID_ORIGIN"]);
    assert.deepEqual(signIn.cookies, []);
    browser.origin = "https://evil.example";
    refused(await browser.client().updateUser({ name: "Mallory" }), 403, "INVALID_ORIGIN");
    refused(await browser.client().signOut(), 403, "INVALID_ORIGIN");
    browser.origin = BASE_URL;
    assert.equal(ok(await browser.client().getSession()).user.name, "Ada");
  });

  test("a referer stands in for a missing origin", async () => {
    const { browser } = await signedUp();
    const headers = { ...JSON_TYPE, cookie: browser.cookieHeader() };
    const update = (more) => send(`${BASE_URL}/api/auth/update-user`, { method: "POST", body: '{"name":"A"}', headers: { ...headers, ...more } });
    assert.equal((await update({ referer: `${BASE_URL}/settings` })).status, 200);
    assert.equal((await update({ referer: "https://evil.example/" })).json.code, "INVALID_ORIGIN");
    assert.equal((await update({})).json.code, "MISSING_OR_NULL_ORIGIN");
    assert.equal((await update({ origin: "null" })).json.code, "MISSING_OR_NULL_ORIGIN");
    assert.equal((await update({ origin: "null", "sec-fetch-site": "same-origin" })).status, 200);
  });
});
