// The reference: the official server with its in-memory adapter, configured as the contract describes, behind a port.
import { betterAuth } from "better-auth";
import { APIError, createAuthEndpoint, getSessionFromCtx } from "better-auth/api";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins/jwt";
import { listen, readBody, answer } from "./listen.js";
import { dump, load } from "./rows.js";

const TOKEN_LIFETIME_S = 900;
const GOOGLE_HOSTS = {
  "https://oauth2.googleapis.com/token": "/google/token",
  "https://www.googleapis.com/oauth2/v3/certs": "/google/certs",
};

/**
 * Starts a reference server on a free port.
 *
 * `mails` collects what is sent; with `deletionByMail` an account is deleted only by a mailed link.
 */
export async function startReference({ secret, google, mails = [], deletionByMail = false, port = 0 }) {
  const db = { user: [], session: [], account: [], verification: [], jwks: [], rateLimit: [] };
  let handle;
  const running = await listen(port, (request, response, url) => {
    if (url.pathname === "/__sandbox/mail") return mailbox(response, mails, url.searchParams.get("to"));
    if (url.pathname === "/__reference/rows" && request.method === "POST") return seeded(request, response, db);
    return handle(request, response);
  });
  handle = toNodeHandler(betterAuth(options({ db, secret, google, mails, deletionByMail, origin: running.origin })));
  return { ...running, db, rows: () => dump(db), load: (rows) => load(db, rows) };
}

/** Sends what the server asks of Google to the fake; everything else stays. Holds for the whole process. */
export function redirectGoogle(origin) {
  const real = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const path = GOOGLE_HOSTS[String(input?.url ?? input)];
    return real(path ? `${origin}${path}` : input, init);
  };
}

function options({ db, secret, google, mails, deletionByMail, origin }) {
  const mail = (type) => async ({ user, url, token }) => void mails.push({ type, to: user.email, url, token });
  return {
    baseURL: origin,
    basePath: "/api/auth",
    secret,
    database: memoryAdapter(db),
    telemetry: { enabled: false },
    logger: { disabled: true },
    emailAndPassword: { enabled: true, sendResetPassword: mail("reset-password") },
    emailVerification: { sendVerificationEmail: mail("verify-email") },
    socialProviders: { google },
    rateLimit: { enabled: true },
    user: {
      additionalFields: {
        gender: { type: "string", required: false },
        use_case: { type: "string[]", required: false },
        onboarding_complete: { type: "boolean", required: false, defaultValue: false, input: false },
      },
      changeEmail: { enabled: true, sendChangeEmailConfirmation: mail("change-email-confirmation") },
      deleteUser: {
        enabled: true,
        ...(deletionByMail ? { sendDeleteAccountVerification: mail("delete-account") } : {}),
      },
    },
    databaseHooks: { user: { create: { before: async (user) => ({ data: withNulls(user) }) } } },
    plugins: [convexToken(origin)],
  };
}

/** An SQL column without a value reads as null; the adapter in memory needs to be told. */
function withNulls({ image = null, gender = null, use_case = null, ...user }) {
  return { ...user, image, gender, use_case };
}

/**
 * The server half of the pairing, built from the official `jwt` plugin: the pairing's own does not load with this
 * version. Tokens and key set have the same form.
 */
function convexToken(origin) {
  const issuer = jwt({
    jwks: { keyPairConfig: { alg: "RS256" } },
    jwt: {
      issuer: origin,
      audience: "convex",
      expirationTime: `${TOKEN_LIFETIME_S}s`,
      definePayload: ({ user: { id: _id, image: _image, ...user }, session }) => ({ ...user, sessionId: session.id }),
    },
  });
  const inner = (ctx) => ({ ...ctx, asResponse: false, returnHeaders: false, returnStatus: false });
  const endpoints = {
    convexJwks: createAuthEndpoint("/convex/jwks", { method: "GET" }, (ctx) => issuer.endpoints.getJwks(inner(ctx))),
    convexToken: createAuthEndpoint("/convex/token", { method: "GET", requireHeaders: true }, async (ctx) => {
      if (!(await getSessionFromCtx(ctx))) throw new APIError("UNAUTHORIZED", { code: "UNAUTHORIZED", message: "Unauthorized" });
      const { token } = await issuer.endpoints.getToken(inner(ctx));
      const cookie = ctx.context.createAuthCookie("convex_jwt", { maxAge: TOKEN_LIFETIME_S });
      ctx.setCookie(cookie.name, token, cookie.attributes);
      return { token };
    }),
  };
  return { id: "convex-token", schema: issuer.schema, endpoints };
}

function mailbox(response, mails, to) {
  return answer(response, 200, mails.filter((mail) => mail.to === to));
}

async function seeded(request, response, db) {
  load(db, JSON.parse(await readBody(request)));
  return answer(response, 200, {});
}
