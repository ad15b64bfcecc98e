// Signing in with Google, linking, and the provider's tokens.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from "jose";
import { Browser, CLIENTS } from "../lib/browser.js";
import { BASE_URL, GOOGLE } from "../lib/env.js";
import { callbackUri, consent, googleSignIn, googleUser, nextToken, startGoogleSignIn, tokensOf } from "../lib/google.js";
import { mailTo } from "../lib/mail.js";
import { newEmail, ok, refused, signedUp } from "../lib/people.js";
import { column, seed, sessionRow, userRow } from "../lib/seed.js";
import { sessionCookie } from "../lib/signed.js";

const OFFLINE = { additionalParams: { access_type: "offline" } };
const pathOf = (answer) => answer.headers.location;

/** Somebody signed in with Google, in a browser of their own. */
async function arrived(create, fields, body) {
  const user = await googleUser(fields);
  const browser = new Browser();
  const answer = await googleSignIn(browser, user, { callbackURL: "/dash", errorCallbackURL: "/err", ...body });
  assert.equal(pathOf(answer), "/dash");
  const client = browser.client(create);
  const account = ok(await client.listAccounts()).find(({ providerId }) => providerId === "google");
  return { user, browser, client, account };
}

/** Someone with a verified address and a password. */
async function verified(create) {
  const person = await signedUp({ create });
  ok(await person.client.sendVerificationEmail({ email: person.email }));
  await person.browser.navigate((await mailTo(person.email, "/verify-email?")).url);
  return person;
}

for (const [version, create] of Object.entries(CLIENTS)) {
  describe(`client ${version}`, () => {
    test("the authorization URL asks for what the contract says, with PKCE", async () => {
      const browser = new Browser();
      const body = { provider: "google", callbackURL: "/dash", loginHint: "a@example.com", scopes: ["extra"] };
      const { url, redirect } = ok(await browser.client(create).signIn.social(body));
      assert.equal(redirect, true);
      const query = Object.fromEntries(new URL(url).searchParams);
      assert.match(query.state, /^[A-Za-z0-9_-]{32}$/);
      assert.match(query.code_challenge, /^[A-Za-z0-9_-]{43}$/);
      assert.deepEqual({ ...query, state: "", code_challenge: "" }, {
        response_type: "code",
        client_id: GOOGLE.clientId,
        state: "",
        scope: "email profile openid extra",
        redirect_uri: callbackUri(),
        login_hint: "a@example.com",
        code_challenge_method: "S256",
        code_challenge: "",
        include_granted_scopes: "true",
      });
      assert.ok(decodeURIComponent(browser.cookies.get("better-auth.state")).startsWith(`${query.state}.`));
      const quiet = ok(await browser.client(create).signIn.social({ ...body, disableRedirect: true }));
      assert.equal(quiet.redirect, false);
    });

    test("a stranger becomes a user, and is the same user the next time", async () => {
      const user = await googleUser({ email: newEmail("Grace.Case") });
      const browser = new Browser();
      const body = { callbackURL: "/dash", newUserCallbackURL: "/welcome" };
      assert.equal(pathOf(await googleSignIn(browser, user, body)), "/welcome");
      assert.equal(browser.cookies.has("better-auth.state"), false);
      const client = browser.client(create);
      const first = ok(await client.getSession());
      const { name, email, emailVerified, image } = first.user;
      assert.deepEqual({ name, email, emailVerified, image }, { name: user.name, email: user.email.toLowerCase(), emailVerified: true, image: user.picture });

      const later = new Browser();
      assert.equal(pathOf(await googleSignIn(later, user, body)), "/dash");
      const second = ok(await later.client(create).getSession());
      assert.equal(second.user.id, first.user.id);
      assert.notEqual(second.session.token, first.session.token);

      const [account, ...more] = ok(await client.listAccounts());
      assert.deepEqual(more, []);
      const { providerId, accountId, userId } = account;
      assert.deepEqual({ providerId, accountId, userId }, { providerId: "google", accountId: user.sub, userId: first.user.id });
      assert.deepEqual([...account.scopes].sort(), ["email", "openid", "profile"]);
    });

    test("a callback is good once, and only in the browser that began", async () => {
      const user = await googleUser();
      const [browser, thief] = [new Browser(), new Browser()];
      const url = await startGoogleSignIn(browser, { callbackURL: "/dash", errorCallbackURL: "/err" });
      const back = await consent(url, user);
      assert.equal(pathOf(await thief.navigate(back)), "/err?error=state_mismatch");
      assert.equal(thief.session, undefined);
      assert.equal(pathOf(await browser.navigate(back)), "/dash");
      assert.equal(pathOf(await browser.navigate(back)), `${BASE_URL}/api/auth/error?error=state_mismatch`);
    });

    test("an address with an unverified password account is not taken over, a verified one is joined", async () => {
      const victim = await signedUp({ create });
      const intruder = new Browser();
      const refusal = await googleSignIn(intruder, await googleUser({ email: victim.email }), { errorCallbackURL: "/err" });
      assert.equal(pathOf(refusal), "/err?error=account_not_linked");
      assert.equal(intruder.session, undefined);

      const owner = await verified(create);
      const browser = new Browser();
      assert.equal(pathOf(await googleSignIn(browser, await googleUser({ email: owner.email }), { callbackURL: "/dash" })), "/dash");
      assert.equal(ok(await browser.client(create).getSession()).user.id, owner.user.id);
      const providers = ok(await owner.client.listAccounts()).map(({ providerId }) => providerId);
      assert.deepEqual(providers.sort(), ["credential", "google"]);

      const unsure = await googleUser({ email: (await verified(create)).email, email_verified: false });
      assert.equal(pathOf(await googleSignIn(new Browser(), unsure, { errorCallbackURL: "/err" })), "/err?error=account_not_linked");
    });

    test("link, list and unlink", async () => {
      const { browser, client, email, user } = await signedUp({ create });
      const link = async (who) => {
        const { url, redirect } = ok(await client.linkSocial({ provider: "google", callbackURL: "/linked", errorCallbackURL: "/err" }));
        assert.equal(redirect, true);
        return pathOf(await browser.navigate(await consent(url, who)));
      };
      assert.equal(await link(await googleUser()), "/err?error=email_does_not_match");
      assert.equal(await link(await googleUser({ email, email_verified: false })), "/err?error=unable_to_link_account");
      const mine = await googleUser({ email });
      assert.equal(await link(mine), "/linked");
      assert.equal(await link(mine), "/linked");
      const accounts = ok(await client.listAccounts());
      assert.deepEqual(accounts.map(({ providerId }) => providerId).sort(), ["credential", "google"]);

      const elsewhere = new Browser();
      assert.equal(pathOf(await googleSignIn(elsewhere, mine, { callbackURL: "/dash" })), "/dash");
      assert.equal(ok(await elsewhere.client(create).getSession()).user.id, user.id);

      refused(await client.unlinkAccount({ accountId: "nobody" }), 400, "ACCOUNT_NOT_FOUND");
      const google = accounts.find(({ providerId }) => providerId === "google");
      assert.deepEqual(ok(await client.unlinkAccount({ accountId: google.id })), { status: true });
      assert.deepEqual(ok(await client.listAccounts()).map(({ providerId }) => providerId), ["credential"]);
    });

    test("a link whose session ended meanwhile is refused", async () => {
      const { browser, client, email } = await signedUp({ create });
      const { url } = ok(await client.linkSocial({ provider: "google", callbackURL: "/linked", errorCallbackURL: "/err" }));
      const back = await consent(url, await googleUser({ email }));
      ok(await client.signOut());
      assert.equal(pathOf(await browser.navigate(back)), "/err?error=unable_to_link_account");
    });

    test("link by id token", async () => {
      const { client, email } = await signedUp({ create });
      const link = async (who) => client.linkSocial({ provider: "google", idToken: { token: (await tokensOf(who)).id_token } });
      refused(await link(await googleUser()), 401, "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED");
      refused(await link(await googleUser({ email, email_verified: false })), 401, "LINKING_NOT_ALLOWED");
      const { user: taken } = await arrived(create);
      refused(await link(taken), 409, "SOCIAL_ACCOUNT_ALREADY_LINKED");
      assert.deepEqual(ok(await link(await googleUser({ email }))), { url: "", status: true, redirect: false });
    });

    test("id token sign-in", async () => {
      const user = await googleUser();
      const browser = new Browser();
      const client = browser.client(create);
      const nonce = "nonce-of-the-app";
      const signIn = (token, more = {}) => client.signIn.social({ provider: "google", idToken: { token, nonce, ...more } });
      const issue = async () => (await tokensOf(user, { nonce })).id_token;

      const answer = ok(await signIn(await issue()));
      assert.equal(answer.redirect, false);
      assert.match(answer.token, /^[A-Za-z0-9]{32}$/);
      assert.equal(answer.user.email, user.email);
      assert.equal(ok(await client.getSession()).session.token, answer.token);

      refused(await signIn(await issue(), { nonce: "other" }), 401, "INVALID_TOKEN");
      for (const change of [{ aud: "other" }, { exp_offset_s: -3600 }, { kid: "unknown" }]) {
        await nextToken(change);
        refused(await signIn(await issue()), 401, "INVALID_TOKEN");
      }
      const real = await issue();
      const { privateKey } = await generateKeyPair("RS256");
      const forged = await new SignJWT(decodeJwt(real)).setProtectedHeader(decodeProtectedHeader(real)).sign(privateKey);
      refused(await signIn(forged), 401, "INVALID_TOKEN");
      const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${real.split(".")[1]}.`;
      refused(await signIn(none), 401, "INVALID_TOKEN");
      ok(await signIn(real));
    });

    test("account-info tells what Google told", async () => {
      const { client, user, account } = await arrived(create);
      const info = ok(await client.accountInfo({ query: { accountId: account.id } }));
      assert.deepEqual(info.user, { name: user.name, email: user.email, image: user.picture, emailVerified: true });
      assert.equal(info.data.sub, user.sub);
      assert.deepEqual(info.account, { id: account.id, providerId: "google", accountId: user.sub });
    });

    test("access tokens are handed to their owner and refreshed", async () => {
      const { client, account } = await arrived(create, {}, OFFLINE);
      const accountId = account.id;
      const held = ok(await client.getAccessToken({ accountId }));
      assert.match(held.accessToken, /./);
      assert.ok(held.accessTokenExpiresAt > new Date());
      assert.deepEqual([...held.scopes].sort(), ["email", "openid", "profile"]);
      assert.equal(ok(await client.getAccessToken({ accountId })).accessToken, held.accessToken);

      const renewed = ok(await client.refreshToken({ accountId }));
      assert.notEqual(renewed.accessToken, held.accessToken);
      assert.equal(renewed.providerId, "google");
      assert.equal(renewed.accountId, accountId);
      assert.match(renewed.refreshToken, /./);
      assert.equal(ok(await client.getAccessToken({ accountId })).accessToken, renewed.accessToken);

      const stranger = await signedUp({ create });
      refused(await stranger.client.getAccessToken({ accountId }), 400, "ACCOUNT_NOT_FOUND");
    });

    test("without a refresh token there is nothing to refresh", async () => {
      const { client, account } = await arrived(create);
      refused(await client.refreshToken({ accountId: account.id }), 400, "REFRESH_TOKEN_NOT_FOUND");
    });

    test("an imported access token that ran out is refreshed when asked for", async () => {
      const tokens = await tokensOf(await googleUser(), { offline: true });
      const user = userRow();
      const session = sessionRow(user);
      const account = {
        id: `${user.id.slice(0, 31)}g`,
        account_id: decodeJwt(tokens.id_token).sub,
        provider_id: "google",
        user_id: user.id,
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        id_token: tokens.id_token,
        access_token_expires_at: column(-60),
        refresh_token_expires_at: null,
        scope: "openid,email,profile",
        password: null,
        created_at: column(-86_400),
        updated_at: column(-86_400),
      };
      await seed({ users: [user], sessions: [session], accounts: [account] });
      const browser = new Browser();
      browser.store(sessionCookie(session.token));
      const held = ok(await browser.client(create).getAccessToken({ accountId: account.id }));
      assert.notEqual(held.accessToken, tokens.access_token);
      assert.ok(held.accessTokenExpiresAt > new Date());
    });
  });
}
