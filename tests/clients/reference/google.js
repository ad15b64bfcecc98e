// Google as the reference server needs it: an authorization endpoint that answers at once for a named user, a token
// endpoint and a key set, with the routes and the control body of the product's own sandbox.
import { createHash, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { listen, readBody, answer } from "./listen.js";

const ISSUER = "https://accounts.google.com";
const LIFETIME_S = 3599;

/** Starts Google on a free port. */
export async function startGoogle({ clientId, clientSecret, port = 0 }) {
  const google = new Google(clientId, clientSecret);
  await google.rotateKeys();
  return listen(port, (request, response, url) => google.serve(request, response, url));
}

class Google {
  users = new Map();
  codes = new Map();
  refreshTokens = new Map();
  nextToken = {};

  constructor(clientId, clientSecret) {
    this.clientId = clientId;
    this.clientSecret = clientSecret;
  }

  async rotateKeys() {
    const { publicKey, privateKey } = await generateKeyPair("RS256");
    this.kid = randomBytes(8).toString("hex");
    this.privateKey = privateKey;
    this.jwk = { ...(await exportJWK(publicKey)), kid: this.kid, alg: "RS256", use: "sig" };
  }

  async serve(request, response, url) {
    switch (`${request.method} ${url.pathname}`) {
      case "GET /google/certs":
        return answer(response, 200, { keys: [this.jwk] });
      case "GET /google/o/oauth2/v2/auth":
        return this.authorize(response, url.searchParams);
      case "POST /google/token":
        return this.token(response, new URLSearchParams(await readBody(request)));
      case "POST /_sandbox/google":
        return this.control(response, JSON.parse(await readBody(request)));
      default:
        return answer(response, 404);
    }
  }

  async control(response, body) {
    for (const user of body.users ?? []) this.users.set(user.email, user);
    if (body.next_token) this.nextToken = body.next_token;
    if (body.rotate_keys) await this.rotateKeys();
    return answer(response, 200, {});
  }

  authorize(response, query) {
    const user = this.users.get(query.get("sandbox_login"));
    const valid = query.get("client_id") === this.clientId && query.get("response_type") === "code";
    if (!user || !valid || !query.get("redirect_uri")) return answer(response, 400, { error: "invalid_request" });
    const code = `4/${randomBytes(16).toString("base64url")}`;
    this.codes.set(code, { user, query });
    const target = new URL(query.get("redirect_uri"));
    target.searchParams.set("state", query.get("state") ?? "");
    target.searchParams.set("code", code);
    target.searchParams.set("scope", query.get("scope") ?? "");
    response.writeHead(302, { location: target.href });
    return response.end();
  }

  async token(response, form) {
    const known = form.get("client_id") === this.clientId && form.get("client_secret") === this.clientSecret;
    if (!known) return answer(response, 401, { error: "invalid_client" });
    const grant = form.get("grant_type") === "refresh_token" ? this.renewed(form) : this.exchanged(form);
    if (!grant) return answer(response, 400, { error: "invalid_grant", error_description: "Bad Request" });
    return answer(response, 200, {
      access_token: `ya29.${randomBytes(12).toString("base64url")}`,
      expires_in: LIFETIME_S,
      token_type: "Bearer",
      scope: grant.scope,
      ...(grant.refreshToken ? { refresh_token: grant.refreshToken } : {}),
      ...(grant.user ? { id_token: await this.idToken(grant.user, grant.nonce) } : {}),
    });
  }

  /** A code is good once, for the redirect URI and the verifier of its authorization request. */
  exchanged(form) {
    const { user, query } = this.codes.get(form.get("code")) ?? {};
    this.codes.delete(form.get("code"));
    if (!user || query.get("redirect_uri") !== form.get("redirect_uri")) return null;
    const challenge = query.get("code_challenge");
    const sent = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (challenge !== null && challenge !== sent) return null;
    const grant = { user, scope: query.get("scope"), nonce: query.get("nonce") ?? undefined };
    if (query.get("access_type") !== "offline") return grant;
    const refreshToken = `1//${randomBytes(12).toString("base64url")}`;
    this.refreshTokens.set(refreshToken, grant.scope);
    return { ...grant, refreshToken };
  }

  renewed(form) {
    const scope = this.refreshTokens.get(form.get("refresh_token"));
    return scope === undefined ? null : { scope };
  }

  idToken(user, nonce) {
    const changes = this.nextToken;
    this.nextToken = {};
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      email: user.email,
      email_verified: changes.email_verified ?? user.email_verified ?? true,
      name: user.name,
      ...(user.picture ? { picture: user.picture } : {}),
      ...(changes.nonce ?? nonce ? { nonce: changes.nonce ?? nonce } : {}),
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: changes.kid ?? this.kid })
      .setIssuer(ISSUER)
      .setAudience(changes.aud ?? this.clientId)
      .setSubject(user.sub)
      .setIssuedAt(now)
      .setExpirationTime(now + (changes.exp_offset_s ?? LIFETIME_S))
      .sign(this.privateKey);
  }
}
