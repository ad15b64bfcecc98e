// Google as a person and as an attacker meet it: users who sign in at once, codes, id tokens.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { BASE_URL, GOOGLE } from "./env.js";
import { send } from "./http.js";
import { newEmail } from "./people.js";

/** Where Google sends the browser back to. */
export const callbackUri = (base = BASE_URL) => `${base}/api/auth/callback/google`;

/** A person with a Google account. */
export async function googleUser(fields = {}) {
  const sub = String(BigInt(`0x${randomBytes(8).toString("hex")}`));
  const user = { sub, email: newEmail("google"), email_verified: true, name: "Grace", picture: "https://img.example/g.png", ...fields };
  await control({ users: [user] });
  return user;
}

/** Changes the id token that is issued next. */
export const nextToken = (changes) => control({ next_token: changes });

async function control(body) {
  const headers = { "content-type": "application/json" };
  const answer = await send(GOOGLE.controlUrl, { method: "POST", headers, body: JSON.stringify(body) });
  assert.ok(answer.status < 300, `control refused: ${answer.status} ${answer.text}`);
}

/** The person signs in on the page that `url` leads to; returns the callback's URL. */
export async function consent(url, { email }) {
  const page = new URL(`${GOOGLE.url}/o/oauth2/v2/auth`);
  page.search = new URL(url).search;
  page.searchParams.set("sandbox_login", email);
  const answer = await send(page);
  assert.equal(answer.status, 302, `no consent: ${answer.text}`);
  return answer.headers.location;
}

/** Tokens that a native application obtains by itself: `{access_token, refresh_token?, id_token, scope}`. */
export async function tokensOf(user, { nonce, offline = false } = {}) {
  const verifier = randomBytes(48).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: GOOGLE.clientId,
    state: randomBytes(16).toString("base64url"),
    scope: "email profile openid",
    redirect_uri: callbackUri(),
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    ...(nonce ? { nonce } : {}),
    ...(offline ? { access_type: "offline" } : {}),
  });
  const back = new URL(await consent(`${GOOGLE.url}/?${query}`, user));
  const form = new URLSearchParams({
    grant_type: "authorization_code",
    code: back.searchParams.get("code"),
    code_verifier: verifier,
    redirect_uri: callbackUri(),
    client_id: GOOGLE.clientId,
    client_secret: GOOGLE.clientSecret,
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await send(`${GOOGLE.url}/token`, { method: "POST", headers, body: form.toString() });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** Signs in with Google in a browser, start to end; returns the callback's answer. */
export async function googleSignIn(browser, user, body = {}) {
  const url = await startGoogleSignIn(browser, body);
  return browser.navigate(await consent(url, user));
}

/** Starts a sign-in and returns the authorization URL. */
export async function startGoogleSignIn(browser, body = {}) {
  const { data, error } = await browser.client().signIn.social({ provider: "google", ...body });
  assert.equal(error, null, JSON.stringify(error));
  return data.url;
}
