// People nobody else has, so that tests do not meet.
import { randomBytes, randomInt } from "node:crypto";
import assert from "node:assert/strict";
import { Browser } from "./browser.js";

export const PASSWORD = "password123";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** 32 characters as the server makes them for ids and session tokens. */
export const newId = () => Array.from({ length: 32 }, () => LETTERS[randomInt(LETTERS.length)]).join("");

/** An address that is used once. */
export const newEmail = (name = "ada") => `${name}.${randomBytes(6).toString("hex")}@example.com`;

/** What a call to an official client answered, which must have succeeded. */
export function ok({ data, error }) {
  assert.equal(error, null, `refused: ${JSON.stringify(error)}`);
  return data;
}

/** What a call to an official client was refused with. */
export function refused({ data, error }, status, code) {
  assert.equal(data, null);
  assert.deepEqual({ status: error.status, code: error.code }, { status, code });
  return error;
}

/** Someone who just signed up, in a browser of their own. */
export async function signedUp({ base, create, name = "Ada", extra = {} } = {}) {
  const browser = new Browser(base);
  const client = browser.client(create);
  const email = newEmail();
  const { user, token } = ok(await client.signUp.email({ name, email, password: PASSWORD, ...extra }));
  return { browser, client, email, password: PASSWORD, user, token };
}

/** The same person in another browser. */
export async function elsewhere({ email, password }, { base, create } = {}) {
  const browser = new Browser(base);
  const client = browser.client(create);
  const { token } = ok(await client.signIn.email({ email, password }));
  return { browser, client, token };
}
