// Cookies signed as the contract says, for sessions that were imported.
import { createHmac } from "node:crypto";
import { AUTH_SECRET } from "./env.js";

/** The cookie value of a text: text, dot, signature, percent-encoded. */
export function signed(value, secret = AUTH_SECRET) {
  const signature = createHmac("sha256", secret).update(value).digest("base64");
  return encodeURIComponent(`${value}.${signature}`);
}

/** The header of an imported session. */
export const sessionCookie = (token) => `better-auth.session_token=${signed(token)}`;
