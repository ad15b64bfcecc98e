// Signing up, in and out with the vanilla clients of both versions.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser, CLIENTS } from "../lib/browser.js";
import { MORE_FIELDS, SESSION_KEYS, USER_KEYS } from "../lib/match.js";
import { PASSWORD, elsewhere, newEmail, ok, refused, signedUp } from "../lib/people.js";

const DAY_MS = 86_400_000;
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) < 30_000, `${actual} is not near ${expected}`);

for (const [version, create] of Object.entries(CLIENTS)) {
  describe(`client ${version}`, () => {
    test("sign-up answers token and user and opens a session", async () => {
      const browser = new Browser();
      const client = browser.client(create);
      const email = newEmail("Grace.Mixed");
      const { token, user } = ok(await client.signUp.email({ name: "Grace", email, password: PASSWORD, image: "https://img.example/a.png", use_case: ["dm"] }));
      assert.match(token, /^[A-Za-z0-9]{32}$/);
      assert.match(user.id, /^[A-Za-z0-9]{32}$/);
      assert.deepEqual(
        { ...user, id: "", createdAt: 0, updatedAt: 0 },
        { id: "", createdAt: 0, updatedAt: 0, name: "Grace", email: email.toLowerCase(), emailVerified: false, image: "https://img.example/a.png", gender: null, use_case: ["dm"], onboarding_complete: false, ...MORE_FIELDS },
      );
      assert.ok(user.createdAt instanceof Date && user.updatedAt instanceof Date);

      const current = ok(await client.getSession());
      assert.deepEqual(Object.keys(current.user).sort(), USER_KEYS);
      assert.deepEqual(Object.keys(current.session).sort(), SESSION_KEYS);
      assert.equal(current.session.token, token);
      assert.equal(current.session.userId, user.id);
      assert.equal(current.session.userAgent, "suite");
      assert.match(current.session.ipAddress, /^10\./);
      near(current.session.expiresAt.getTime(), Date.now() + 7 * DAY_MS);
    });

    test("sign-up refuses a taken address and passwords out of bounds", async () => {
      const { client, email } = await signedUp({ create });
      const again = { name: "Eve", email: email.toUpperCase(), password: PASSWORD };
      refused(await client.signUp.email(again), 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
      const short = { name: "Eve", email: newEmail(), password: "1234567" };
      assert.equal(refused(await client.signUp.email(short), 400, "PASSWORD_TOO_SHORT").message, "Password too short");
      const long = { ...short, password: "x".repeat(129) };
      refused(await client.signUp.email(long), 400, "PASSWORD_TOO_LONG");
      // Four emoji of two UTF-16 units each are eight units.
      ok(await client.signUp.email({ ...short, password: "🔑🔑🔑🔑" }));
    });

    test("sign-in with the right password, whatever the case of the address", async () => {
      const person = await signedUp({ create });
      const { browser, client, token } = await elsewhere({ ...person, email: person.email.toUpperCase() }, { create });
      assert.notEqual(token, person.token);
      assert.equal(ok(await client.getSession()).user.id, person.user.id);
      assert.ok(browser.session.startsWith(token));
      // The other browser's session lives on.
      assert.equal(ok(await person.client.getSession()).session.token, person.token);
    });

    test("sign-in answers wrong password and unknown address alike", async () => {
      const { email } = await signedUp({ create });
      const browser = new Browser();
      const client = browser.client(create);
      const wrong = refused(await client.signIn.email({ email, password: "wrong-password" }), 401, "INVALID_EMAIL_OR_PASSWORD");
      const unknown = refused(await client.signIn.email({ email: newEmail(), password: PASSWORD }), 401, "INVALID_EMAIL_OR_PASSWORD");
      assert.deepEqual(wrong, unknown);
      assert.equal(wrong.message, "Invalid email or password");
      assert.equal(wrong.statusText, "Unauthorized");
      assert.equal(browser.cookies.size, 0);
      assert.equal(ok(await client.getSession()), null);
    });

    test("without remember-me the session lives a day and the cookie as long as the browser", async () => {
      const { email } = await signedUp({ create });
      const browser = new Browser();
      const client = browser.client(create);
      ok(await client.signIn.email({ email, password: PASSWORD, rememberMe: false }));
      assert.ok(browser.cookies.get("better-auth.dont_remember").startsWith("true."));
      near(ok(await client.getSession()).session.expiresAt.getTime(), Date.now() + DAY_MS);
      // Signing in again with remember-me takes it back.
      ok(await client.signIn.email({ email, password: PASSWORD }));
      assert.equal(browser.cookies.has("better-auth.dont_remember"), false);
      near(ok(await client.getSession()).session.expiresAt.getTime(), Date.now() + 7 * DAY_MS);
    });

    test("sign-out ends the session on the server, not only in the browser", async () => {
      const { browser, client } = await signedUp({ create });
      const cookie = browser.cookieHeader();
      assert.deepEqual(ok(await client.signOut()), { success: true });
      assert.equal(browser.session, undefined);
      assert.equal(ok(await client.getSession()), null);
      const replayed = await new Browser().send("/api/auth/get-session", { headers: { cookie } });
      assert.equal(replayed.json, null);
      assert.deepEqual(ok(await client.signOut()), { success: true });
    });

    test("get-session is never cached and ignores unknown query keys", async () => {
      const { browser, client } = await signedUp({ create });
      ok(await client.getSession({ query: { disableCookieCache: true, disableRefresh: true } }));
      const answer = await browser.send("/api/auth/get-session?nonsense=1");
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers.pragma, "no-cache");
      assert.equal(answer.json.session.userId, answer.json.user.id);
    });
  });
}
