// The client half of the pairing: a token for the sync connection out of the session cookie.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { convexClient } from "@convex-dev/better-auth/client/plugins";
import { createLocalJWKSet, jwtVerify } from "jose";
import { Browser, CLIENTS } from "../lib/browser.js";
import { BASE_URL } from "../lib/env.js";
import { send } from "../lib/http.js";
import { ok, refused, signedUp } from "../lib/people.js";

const LIFETIME_S = 900;
const USER_CLAIMS = ["createdAt", "email", "emailVerified", "name", "updatedAt"];
const withPairing = (browser, create) => browser.client(create, { plugins: [convexClient()] });

async function keySet() {
  const answer = await send(`${BASE_URL}/api/auth/convex/jwks`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^application\/json/);
  return answer.json;
}

for (const [version, create] of Object.entries(CLIENTS)) {
  describe(`client ${version} with the pairing's plugin`, () => {
    test("the token verifies against the key set and names user and session", async () => {
      const { browser, user, client, email } = await signedUp({ create });
      const { token } = ok(await withPairing(browser, create).convex.token());
      const options = { audience: "convex", issuer: BASE_URL, algorithms: ["RS256", "EdDSA"] };
      const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(await keySet()), options);
      assert.match(protectedHeader.kid, /./);
      const { session } = ok(await client.getSession());
      const { sub, sessionId, email: claimed, emailVerified, name } = payload;
      assert.deepEqual({ sub, sessionId, claimed, emailVerified, name }, { sub: user.id, sessionId: session.id, claimed: email, emailVerified: false, name: "Ada" });
      assert.equal(payload.exp - payload.iat, LIFETIME_S);
      for (const claim of USER_CLAIMS) assert.ok(claim in payload, `no ${claim}`);
      for (const absent of ["id", "image"]) assert.ok(!(absent in payload), `${absent} in the token`);
      assert.ok(!JSON.stringify(payload).includes(session.token), "the session's secret is in the token");
      const cookie = browser.cookies.get("better-auth.convex_jwt");
      assert.equal(cookie?.split(".").length, 3);
    });

    test("nobody signed in, no token", async () => {
      refused(await withPairing(new Browser(), create).convex.token(), 401, "UNAUTHORIZED");
      const { browser, client } = await signedUp({ create });
      const cookie = browser.cookieHeader();
      ok(await client.signOut());
      const replayed = await send(`${BASE_URL}/api/auth/convex/token`, { headers: { cookie } });
      assert.deepEqual([replayed.status, replayed.json], [401, { message: "Unauthorized", code: "UNAUTHORIZED" }]);
    });
  });
}

test("the key set shows public keys only", async () => {
  const { browser } = await signedUp();
  ok(await withPairing(browser).convex.token());
  const { keys } = await keySet();
  assert.ok(keys.length > 0);
  for (const key of keys) {
    assert.ok(["RSA/RS256", "OKP/EdDSA"].includes(`${key.kty}/${key.alg}`), `${key.kty}/${key.alg}`);
    for (const secret of ["d", "p", "q", "dp", "dq", "qi"]) assert.ok(!(secret in key), `${secret} is published`);
  }
});
