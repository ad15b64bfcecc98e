// Compares an answer with what a vector expects.
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { TARGET } from "./env.js";

/** Extra fields that the product declares beside the three of the vectors, as they are when nobody set them. */
export const MORE_FIELDS =
  TARGET === "greenroom"
    ? {
        ...Object.fromEntries(
          ["active_platforms", "business_type", "current_tracking", "leads_per_month", "main_offering", "other_business_type", "other_platform", "other_tracking", "other_use_case", "pilot_goal"].map((name) => [name, null]),
        ),
        sidekick_onboarding_complete: false,
      }
    : {};
/** Every key of a user: the contract's, the three extra fields that the vectors declare, and the product's. */
export const USER_KEYS = ["createdAt", "email", "emailVerified", "gender", "id", "image", "name", "onboarding_complete", "updatedAt", "use_case", ...Object.keys(MORE_FIELDS)].sort();
/** Every key of a session. */
export const SESSION_KEYS = ["createdAt", "expiresAt", "id", "ipAddress", "token", "updatedAt", "userAgent", "userId"];
const TOLERANCE_MS = 30_000;
const DATE = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
const PLACEHOLDERS = {
  "<T32>": "[A-Za-z0-9]{32}",
  "<T24>": "[A-Za-z0-9]{24}",
  "<S32>": "[A-Za-z0-9_-]{32}",
  "<S43>": "[A-Za-z0-9_-]{43}",
  "<sig>": "(?:[A-Za-z0-9]|%2B|%2F){43}%3D",
  "<date>": DATE,
  // Whole seconds of a wait that began at most two seconds ago.
  "<upTo10>": "(?:9|10)",
};
const ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax";
const COOKIES = {
  none: [],
  session: [`better-auth.session_token=<T32>.<sig>; Max-Age=604800; ${ATTRIBUTES}`],
  unremembered: [`better-auth.session_token=<T32>.<sig>; ${ATTRIBUTES}`, `better-auth.dont_remember=true.<sig>; ${ATTRIBUTES}`],
  clear3: ["session_token", "session_data", "dont_remember"].map((name) => `better-auth.${name}=; Max-Age=0; ${ATTRIBUTES}`),
};

/** Fails unless the answer has the expected status, body, headers and cookies. */
export function matches(answer, { status, body, bodyIsNull, headers = {}, cookies }) {
  const told = `${answer.status} ${answer.text}`;
  assert.equal(answer.status, status, told);
  if (bodyIsNull) assert.equal(answer.text, "null");
  else if (body === "<empty>") assert.equal(answer.text, "");
  else if (body !== undefined) value(answer.json, body, "body");
  for (const [name, expected] of Object.entries(headers)) value(answer.headers[name], expected, name);
  if (cookies !== undefined) sameCookies(answer.cookies, COOKIES[cookies] ?? cookies, told);
}

/** The pairing's own cookie comes beside those of the contract and has its own tests. */
function sameCookies(lines, expected, told) {
  const sent = lines.filter((line) => !line.startsWith("better-auth.convex_jwt="));
  assert.equal(sent.length, expected.length, `cookies ${JSON.stringify(sent)} of ${told}`);
  expected.forEach((line, at) => value(sent[at], line, "cookie"));
}

function value(actual, expected, place) {
  if (typeof expected === "string") return text(actual, expected, place);
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual) && actual.length === expected.length, `${place}: ${JSON.stringify(actual)}`);
    return expected.forEach((one, at) => value(actual[at], one, `${place}.${at}`));
  }
  if (expected === null || typeof expected !== "object") return assert.ok(isDeepStrictEqual(actual, expected), `${place}: ${JSON.stringify(actual)}`);
  if (expected.$in_s !== undefined) return time(actual, expected.$in_s, place);
  if (expected.$user) return object(actual, USER_KEYS, { id: "<T32>", createdAt: "<date>", updatedAt: "<date>", ...MORE_FIELDS, ...expected.$user }, place);
  if (expected.$session) return object(actual, SESSION_KEYS, { createdAt: "<date>", updatedAt: "<date>", expiresAt: "<date>", ...expected.$session }, place);
  return object(actual, Object.keys(expected), expected, place);
}

function object(actual, keys, expected, place) {
  assert.deepEqual(Object.keys(actual ?? {}).sort(), [...keys].sort(), place);
  for (const [key, one] of Object.entries(expected)) value(actual[key], one, `${place}.${key}`);
}

function text(actual, expected, place) {
  const parts = expected.split(/(<[A-Za-z0-9]+>)/);
  const pattern = parts.map((part) => PLACEHOLDERS[part] ?? part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join("");
  assert.ok(typeof actual === "string" && new RegExp(`^${pattern}$`).test(actual), `${place}: ${JSON.stringify(actual)} is not ${expected}`);
}

function time(actual, seconds, place) {
  text(actual, "<date>", place);
  const off = Date.parse(actual) - Date.now() - seconds * 1000;
  assert.ok(Math.abs(off) < TOLERANCE_MS, `${place}: ${actual} is ${off} ms off`);
}
