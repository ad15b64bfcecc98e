// Everything that goes through a mailed link: verification, reset, change of address, deletion.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser, CLIENTS } from "../lib/browser.js";
import { BASE_URL, DELETION_BY_MAIL_URL } from "../lib/env.js";
import { linkOf, mailTo, mailsTo } from "../lib/mail.js";
import { PASSWORD, elsewhere, newEmail, ok, refused, signedUp } from "../lib/people.js";

const NEW_PASSWORD = "another-password";
const VERIFY = "/api/auth/verify-email?";
const RESET = "/api/auth/reset-password/";
const DELETE = "/api/auth/delete-user/callback?";
const RESET_ANSWER = { status: true, message: "If this email exists in our system, check your email for the reset link" };
const wholeLink = (mail, base = BASE_URL) => (assert.equal(new URL(mail.url).origin, base), mail.url);

for (const [version, create] of Object.entries(CLIENTS)) {
  describe(`client ${version}`, () => {
    test("a verification link verifies, once with effect", async () => {
      const { browser, client, email } = await signedUp({ create });
      assert.deepEqual(ok(await client.sendVerificationEmail({ email, callbackURL: "/done?a=b" })), { status: true });
      const link = wholeLink(await mailTo(email, VERIFY));
      assert.equal(new URL(link).searchParams.get("callbackURL"), "/done?a=b");
      const token = new URL(link).searchParams.get("token");
      assert.deepEqual(ok(await client.verifyEmail({ query: { token } })), { status: true, user: null });
      assert.equal(ok(await client.getSession()).user.emailVerified, true);
      const followed = await browser.navigate(link);
      assert.deepEqual([followed.status, followed.headers.location], [302, "/done?a=b"]);
      refused(await client.sendVerificationEmail({ email }), 400, "EMAIL_ALREADY_VERIFIED");
    });

    test("verification mail: not for another's address, and strangers learn nothing", async () => {
      const { client, email } = await signedUp({ create });
      refused(await client.sendVerificationEmail({ email: newEmail() }), 400, "EMAIL_MISMATCH");
      const stranger = new Browser().client(create);
      const unknown = newEmail("nobody");
      const began = Date.now();
      assert.deepEqual(ok(await stranger.sendVerificationEmail({ email: unknown })), { status: true });
      assert.ok(Date.now() - began >= 400, "an unknown address is answered faster than a known one");
      assert.deepEqual(ok(await stranger.sendVerificationEmail({ email })), { status: true });
      await mailTo(email, VERIFY);
      assert.deepEqual(await mailsTo(unknown), []);
    });

    test("a tampered verification token is refused", async () => {
      const { client, email } = await signedUp({ create });
      ok(await client.sendVerificationEmail({ email }));
      const token = new URL((await mailTo(email, VERIFY)).url).searchParams.get("token");
      const [header, , signature] = token.split(".");
      const payload = Buffer.from(JSON.stringify({ email, iat: 1, exp: 4102444800 })).toString("base64url");
      const none = Buffer.from('{"alg":"none"}').toString("base64url");
      for (const forged of [`${header}.${payload}.${signature}`, `${none}.${payload}.`, "abc"]) {
        refused(await client.verifyEmail({ query: { token: forged } }), 401, "INVALID_TOKEN");
      }
      assert.equal(ok(await client.getSession()).user.emailVerified, false);
    });

    test("a forgotten password is reset by the mailed link, once", async () => {
      const person = await signedUp({ create });
      const browser = new Browser();
      const client = browser.client(create);
      const unknown = newEmail("nobody");
      assert.deepEqual(ok(await client.requestPasswordReset({ email: unknown, redirectTo: "/reset" })), RESET_ANSWER);
      assert.deepEqual(ok(await client.requestPasswordReset({ email: person.email, redirectTo: "/reset?x=1" })), RESET_ANSWER);
      const link = wholeLink(await mailTo(person.email, RESET));
      assert.deepEqual(await mailsTo(unknown), []);

      const landed = new URL((await browser.navigate(link)).headers.location);
      const token = landed.searchParams.get("token");
      assert.match(token, /^[A-Za-z0-9]{24}$/);
      assert.equal(landed.href, `${BASE_URL}/reset?x=1&token=${token}`);
      refused(await client.resetPassword({ newPassword: "short", token }), 400, "PASSWORD_TOO_SHORT");
      assert.deepEqual(ok(await client.resetPassword({ newPassword: NEW_PASSWORD, token })), { status: true });
      refused(await client.resetPassword({ newPassword: NEW_PASSWORD, token }), 400, "INVALID_TOKEN");
      assert.equal((await browser.navigate(link)).headers.location, `${BASE_URL}/reset?x=1&error=INVALID_TOKEN`);

      refused(await client.signIn.email(person), 401, "INVALID_EMAIL_OR_PASSWORD");
      await elsewhere({ ...person, password: NEW_PASSWORD }, { create });
      assert.notEqual(ok(await person.client.getSession()), null, "a reset leaves the sessions alone");
    });

    test("of two racing resets with one token one wins", async () => {
      const person = await signedUp({ create });
      ok(await person.client.requestPasswordReset({ email: person.email }));
      const { url } = await mailTo(person.email, RESET);
      const token = new URL(url).pathname.split("/").at(-1);
      const reset = (newPassword) => new Browser().client(create).resetPassword({ newPassword, token });
      const outcomes = await Promise.all([reset("password-one"), reset("password-two")]);
      assert.deepEqual(outcomes.map(({ error }) => error?.code ?? "won").sort(), ["INVALID_TOKEN", "won"]);
      const winner = outcomes[0].error ? "password-two" : "password-one";
      await elsewhere({ ...person, password: winner }, { create });
    });

    test("an unverified address is changed by a link to the new one", async () => {
      const { browser, client, email } = await signedUp({ create });
      const newAddress = newEmail("new");
      const same = refused(await client.changeEmail({ newEmail: email }), 400, undefined);
      assert.equal(same.message, "Email is the same");
      assert.deepEqual(ok(await client.changeEmail({ newEmail: newAddress.toUpperCase(), callbackURL: "/moved" })), { status: true });
      const link = wholeLink(await mailTo(newAddress, VERIFY));
      assert.equal(ok(await client.getSession()).user.email, email);
      const followed = await browser.navigate(link);
      assert.deepEqual([followed.status, followed.headers.location], [302, "/moved"]);
      const user = ok(await client.getSession()).user;
      assert.deepEqual([user.email, user.emailVerified], [newAddress, false]);
      assert.equal((await browser.navigate(link)).headers.location, "/moved?error=INVALID_TOKEN");
      refused(await new Browser().client(create).signIn.email({ email, password: PASSWORD }), 401, "INVALID_EMAIL_OR_PASSWORD");
      await elsewhere({ email: newAddress, password: PASSWORD }, { create });
    });

    test("a verified address confirms first, and stays verified", async () => {
      const { browser, client, email } = await signedUp({ create });
      ok(await client.sendVerificationEmail({ email }));
      await browser.navigate((await mailTo(email, VERIFY)).url);
      const newAddress = newEmail("new");
      ok(await client.changeEmail({ newEmail: newAddress }));
      const confirmation = await mailTo(email, VERIFY, 2);
      assert.deepEqual(await mailsTo(newAddress), []);
      assert.equal((await browser.navigate(confirmation.url)).headers.location, "/");
      assert.equal(ok(await client.getSession()).user.email, email);
      await browser.navigate((await mailTo(newAddress, VERIFY)).url);
      const user = ok(await client.getSession()).user;
      assert.deepEqual([user.email, user.emailVerified], [newAddress, true]);
    });

    test("changing to a taken address says yes and does nothing", async () => {
      const [person, other] = [await signedUp({ create }), await signedUp({ create })];
      assert.deepEqual(ok(await person.client.changeEmail({ newEmail: other.email })), { status: true });
      const free = newEmail("free");
      ok(await person.client.changeEmail({ newEmail: free }));
      await mailTo(free, VERIFY);
      assert.deepEqual(await mailsTo(other.email), []);
    });

    test("an account is deleted with its password, and with it every session", async () => {
      const person = await signedUp({ create });
      const other = await elsewhere(person, { create });
      refused(await person.client.deleteUser({ password: "wrong-password" }), 400, "INVALID_PASSWORD");
      assert.deepEqual(ok(await person.client.deleteUser({ password: PASSWORD })), { success: true, message: "User deleted" });
      assert.equal(person.browser.session, undefined);
      assert.equal(ok(await other.client.getSession()), null);
      refused(await new Browser().client(create).signIn.email(person), 401, "INVALID_EMAIL_OR_PASSWORD");
      // The address is free again.
      ok(await new Browser().client(create).signUp.email({ name: "Ada", email: person.email, password: PASSWORD }));
    });

    test("with deletion by mail, only the mailed link deletes, for its own user, once", async () => {
      const at = { base: DELETION_BY_MAIL_URL, create };
      const [person, stranger] = [await signedUp(at), await signedUp(at)];
      const sent = { success: true, message: "Verification email sent" };
      ok(await person.client.deleteUser());
      const shown = await mailTo(person.email, DELETE);
      const foreign = await stranger.browser.navigate(linkOf(shown));
      assert.deepEqual([foreign.status, foreign.json?.code], [404, "INVALID_TOKEN"]);

      // A link that a stranger tried may be spent.
      assert.deepEqual(ok(await person.client.deleteUser({ callbackURL: "/bye" })), sent);
      const mail = await mailTo(person.email, DELETE, 2);
      const link = wholeLink(mail, DELETION_BY_MAIL_URL);
      assert.match(new URL(link).searchParams.get("token"), /^[a-z0-9]{32}$/);

      const anonymous = await new Browser(at.base).navigate(linkOf(mail));
      assert.deepEqual([anonymous.status, anonymous.json?.code], [404, "FAILED_TO_GET_USER_INFO"]);
      const cookie = person.browser.cookieHeader();
      const deleted = await person.browser.navigate(link);
      assert.deepEqual([deleted.status, deleted.headers.location], [302, "/bye"]);
      assert.equal(person.browser.session, undefined);
      const replayed = await new Browser(at.base).send("/api/auth/get-session", { headers: { cookie } });
      assert.equal(replayed.json, null);
    });

    test("with deletion by mail, the token also works in the request", async () => {
      const person = await signedUp({ base: DELETION_BY_MAIL_URL, create });
      ok(await person.client.deleteUser({ password: PASSWORD }));
      const { url } = await mailTo(person.email, DELETE);
      const token = new URL(url).searchParams.get("token");
      refused(await person.client.deleteUser({ token: "z".repeat(32) }), 404, "INVALID_TOKEN");
      assert.deepEqual(ok(await person.client.deleteUser({ token })), { success: true, message: "User deleted" });
      assert.equal(person.browser.session, undefined);
    });
  });
}
