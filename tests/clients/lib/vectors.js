// Plays the rows of the exchanges file.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { AUTH_SECRET, BASE_URL, GOOGLE } from "./env.js";
import { consent, googleUser, nextToken, tokensOf } from "./google.js";
import { freshAddress, send } from "./http.js";
import { mailTo } from "./mail.js";
import { matches } from "./match.js";
import { signedUp } from "./people.js";
import { column, seed, sessionRow, userRow } from "./seed.js";
import { sessionCookie, signed } from "./signed.js";

const RUN = randomBytes(5).toString("hex");
const shared = {
  run: RUN,
  base: BASE_URL,
  base_encoded: encodeURIComponent(BASE_URL),
  "google.client_id": encodeURIComponent(GOOGLE.clientId),
};

/** What is given, made so: a map of names for the row's placeholders. */
export async function arrange(given = []) {
  const names = { ...shared };
  for (const one of given) Object.assign(names, await made(filled(one, names)));
  return names;
}

/** One row, step after step. */
export async function play({ given, steps }) {
  const names = await arrange(given);
  const kinds = { send: exchange, mail, consent: consented, idToken, mint, sign };
  for (const step of steps) {
    const kind = Object.keys(kinds).find((name) => step[name]);
    for (let time = 0; time < (step.times ?? 1); time += 1) await kinds[kind](filled(step, names), names);
  }
}

async function made(one) {
  if (one.rows) return imported(one.rows);
  if (one.session) return sessionOf(one.session, timed(one.columns));
  if (one.google) {
    const user = await googleUser(one.email ? { email: one.email } : {});
    return { [`${one.google}.email`]: user.email, [one.google]: user };
  }
  const { browser, user, email, password, token } = await signedUp();
  const cookie = `better-auth.session_token=${browser.session}`;
  return prefixed(one.person, { email, password, token, cookie, id: user.id });
}

async function imported({ users = [], sessions = [] }) {
  await seed({ users: users.map(userRow), sessions: sessions.map((row) => sessionRow({ id: row.user_id }, row)) });
  return {};
}

async function sessionOf(name, columns) {
  const user = userRow();
  const row = sessionRow(user, columns);
  await seed({ users: [user], sessions: [row] });
  return prefixed(name, { token: row.token, cookie: sessionCookie(row.token) });
}

const prefixed = (name, values) => Object.fromEntries(Object.entries(values).map(([key, one]) => [`${name}.${key}`, one]));
const timed = (columns) => Object.fromEntries(Object.entries(columns).map(([key, one]) => [key, one?.now === undefined ? one : column(one.now)]));

const clients = new Map();
const addressOf = (client) => (clients.has(client) ? clients : clients.set(client, freshAddress())).get(client);

async function exchange({ send: request, expect, keep = {} }, names) {
  const { method = "GET", path, json, type, cookie, client } = request;
  const body = json === undefined ? request.body : JSON.stringify(json);
  const origin = request.origin === undefined ? BASE_URL : request.origin;
  const headers = { ...request.headers };
  if (origin !== null) headers.origin = origin;
  if (cookie) headers.cookie = cookie;
  if (body !== undefined) headers["content-type"] = type ?? "application/json";
  const from = client ? addressOf(client) : undefined;
  const answer = await send(`${BASE_URL}/api/auth${path}`, { method, headers, body, client: from });
  matches(answer, expect);
  for (const [name, source] of Object.entries(keep)) names[name] = kept(answer, source);
}

/** `json.a.b`, `cookie` (a header out of what was set), or `[source, pattern]`. */
function kept(answer, source) {
  if (Array.isArray(source)) return new RegExp(source[1]).exec(kept(answer, source[0]))[1];
  if (source === "cookie") return answer.cookies.map((line) => line.split(";")[0]).join("; ");
  return source.split(".").reduce((one, key) => one[key], answer);
}

async function mail({ mail: { to, part, match, keep } }, names) {
  const { url } = await mailTo(to, part);
  names[keep] = new RegExp(match).exec(url)[1];
}

async function consented({ consent: { url, user, keep } }, names) {
  names[keep] = encodeURIComponent(new URL(await consent(url, names[user])).searchParams.get("code"));
}

async function idToken({ idToken: { user, nonce, next, keep } }, names) {
  if (next) await nextToken(next);
  names[keep] = (await tokensOf(names[user], { nonce })).id_token;
}

async function mint({ mint: { claims, keep } }, names) {
  names[keep] = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(AUTH_SECRET));
}

function sign({ sign: { value, secret, keep } }, names) {
  names[keep] = signed(value, secret);
}

/** Puts names into every text of a step; an unknown one is a mistake in the file. */
function filled(one, names) {
  if (typeof one === "string") {
    return one.replace(/\{([a-z_.]+)\}/g, (_, name) => names[name] ?? assert.fail(`nothing is called ${name}`));
  }
  if (Array.isArray(one)) return one.map((part) => filled(part, names));
  if (one === null || typeof one !== "object") return one;
  return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, isPattern(key) ? part : filled(part, names)]));
}

const isPattern = (key) => key === "match" || key === "keep";
