// What a signed-in person does with sessions, profile, password and accounts, with the vanilla clients.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Browser, CLIENTS } from "../lib/browser.js";
import { PASSWORD, elsewhere, ok, refused, signedUp } from "../lib/people.js";

for (const [version, create] of Object.entries(CLIENTS)) {
  describe(`client ${version}`, () => {
    test("sessions are listed to their owner only, and revoked one by one", async () => {
      const person = await signedUp({ create });
      const stranger = await signedUp({ create });
      const other = await elsewhere(person, { create });
      const tokens = async () => ok(await person.client.listSessions()).map(({ token }) => token);
      const listed = await tokens();
      assert.equal(listed.length, 2);
      assert.ok(listed.includes(person.token));
      // For another session than the current one the contract allows a handle instead of the token.
      const [handle] = listed.filter((token) => token !== person.token);

      assert.deepEqual(ok(await stranger.client.revokeSession({ token: handle })), { status: true });
      assert.equal((await tokens()).length, 2);

      assert.deepEqual(ok(await person.client.revokeSession({ token: handle })), { status: true });
      assert.deepEqual(await tokens(), [person.token]);
      assert.equal(ok(await other.client.getSession()), null);
      assert.equal(other.browser.session, undefined);
    });

    test("revoking the others keeps the current session, revoking all ends it", async () => {
      const person = await signedUp({ create });
      const other = await elsewhere(person, { create });
      assert.deepEqual(ok(await person.client.revokeOtherSessions()), { status: true });
      assert.equal(ok(await other.client.getSession()), null);
      assert.equal(ok(await person.client.getSession()).session.token, person.token);
      assert.deepEqual(ok(await person.client.revokeSessions()), { status: true });
      assert.equal(person.browser.session, undefined);
      assert.equal(ok(await person.client.getSession()), null);
      refused(await person.client.listSessions(), 401, "UNAUTHORIZED");
    });

    test("update-user changes what it was given and nothing else", async () => {
      const { browser, client, token, user } = await signedUp({ create, extra: { image: "https://img.example/a.png" } });
      assert.deepEqual(ok(await client.updateUser({ name: "Ada L", gender: "f", use_case: ["dm", "comments"] })), { status: true });
      assert.ok(browser.session.startsWith(token));
      const updated = ok(await client.getSession()).user;
      assert.ok(updated.updatedAt >= user.updatedAt);
      const changed = { name: "Ada L", gender: "f", use_case: ["dm", "comments"], updatedAt: updated.updatedAt };
      assert.deepEqual(updated, { ...user, ...changed });
      ok(await client.updateUser({ image: null }));
      assert.equal(ok(await client.getSession()).user.image, null);
    });

    test("update-user refuses address, guarded fields and nothing at all", async () => {
      const { client } = await signedUp({ create });
      refused(await client.updateUser({ email: "x@example.com" }), 400, "EMAIL_CAN_NOT_BE_UPDATED");
      refused(await client.updateUser({ onboarding_complete: true }), 400, "FIELD_NOT_ALLOWED");
      const nothing = refused(await client.updateUser({ role: "admin" }), 400, undefined);
      assert.equal(nothing.message, "No fields to update");
    });

    test("change-password asks for the current one and can end the other sessions", async () => {
      const person = await signedUp({ create });
      const other = await elsewhere(person, { create });
      const newPassword = "another-password";
      const change = (fields) => person.client.changePassword({ currentPassword: PASSWORD, newPassword, ...fields });
      refused(await change({ currentPassword: "wrong-password" }), 400, "INVALID_PASSWORD");
      refused(await change({ newPassword: "short" }), 400, "PASSWORD_TOO_SHORT");
      refused(await change({ newPassword: "x".repeat(129) }), 400, "PASSWORD_TOO_LONG");

      const kept = ok(await change({}));
      assert.equal(kept.token, null);
      assert.equal(kept.user.id, person.user.id);
      assert.notEqual(ok(await other.client.getSession()), null);

      const again = { currentPassword: newPassword, newPassword: PASSWORD, revokeOtherSessions: true };
      const { token } = ok(await person.client.changePassword(again));
      assert.match(token, /^[A-Za-z0-9]{32}$/);
      assert.notEqual(token, person.token);
      assert.equal(ok(await other.client.getSession()), null);
      assert.equal(ok(await person.client.getSession()).session.token, token);

      const browser = new Browser();
      refused(await browser.client(create).signIn.email({ email: person.email, password: newPassword }), 401, "INVALID_EMAIL_OR_PASSWORD");
      await elsewhere(person, { create });
    });

    test("the password account is listed and cannot be unlinked while it is the only one", async () => {
      const { client, user } = await signedUp({ create });
      const [account, ...more] = ok(await client.listAccounts());
      assert.deepEqual(more, []);
      assert.deepEqual(Object.keys(account).sort(), ["accountId", "createdAt", "id", "providerId", "scopes", "updatedAt", "userId"]);
      const { providerId, accountId, userId, scopes } = account;
      assert.deepEqual({ providerId, accountId, userId, scopes }, { providerId: "credential", accountId: user.id, userId: user.id, scopes: [] });
      const last = refused(await client.unlinkAccount({ accountId: account.id }), 400, "FAILED_TO_UNLINK_LAST_ACCOUNT");
      assert.equal(last.message, "You can't unlink your last account");
      refused(await client.getAccessToken({ accountId: account.id }), 400, "PROVIDER_NOT_SUPPORTED");
      refused(await client.refreshToken({ accountId: account.id }), 400, "PROVIDER_NOT_SUPPORTED");
      refused(await client.accountInfo({ query: { accountId: account.id } }), 400, "PROVIDER_NOT_CONFIGURED");
      refused(await client.getAccessToken({ accountId: "nobody" }), 400, "ACCOUNT_NOT_FOUND");
    });

    test("verify-password tells right from wrong", async () => {
      const { client } = await signedUp({ create });
      const verify = (password) => client.verifyPassword({ password });
      assert.deepEqual(ok(await verify(PASSWORD)), { status: true });
      refused(await verify("wrong-password"), 400, "INVALID_PASSWORD");
    });

    test("nobody signed in, nothing to manage", async () => {
      const client = new Browser().client(create);
      refused(await client.listSessions(), 401, "UNAUTHORIZED");
      refused(await client.listAccounts(), 401, "UNAUTHORIZED");
      refused(await client.updateUser({ name: "x" }), 401, "UNAUTHORIZED");
      refused(await client.changePassword({ currentPassword: PASSWORD, newPassword: PASSWORD }), 401, "UNAUTHORIZED");
      refused(await client.revokeOtherSessions(), 401, "UNAUTHORIZED");
      refused(await client.deleteUser(), 401, "UNAUTHORIZED");
      refused(await client.getAccessToken({ accountId: "x" }), 401, undefined);
    });
  });
}
