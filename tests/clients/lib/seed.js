// Rows that no request can make: old sessions, foreign hashes, accounts with tokens. Rows are those of the previous
// deployment: columns in snake case, times without zone in UTC with milliseconds.
import assert from "node:assert/strict";
import { BASE_URL, TARGET, operatorToken } from "./env.js";
import { send } from "./http.js";
import { newEmail, newId } from "./people.js";

const seeders = {
  reference: (rows, base) => post(`${base}/__reference/rows`, rows, {}),
  greenroom: (rows, base) =>
    post(`${base}/api/admin/import/identities`, rows, { authorization: `Bearer ${operatorToken(base)}` }),
};

/** Imports `{users, sessions, accounts, verifications}` into the server under test. */
export async function seed(rows, base = BASE_URL) {
  const none = { users: [], sessions: [], accounts: [], verifications: [] };
  await seeders[TARGET]({ ...none, ...rows }, base);
}

async function post(url, rows, headers) {
  const body = JSON.stringify(rows);
  const answer = await send(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  assert.ok(answer.status >= 200 && answer.status < 300, `import refused: ${answer.status} ${answer.text}`);
}

/** A time as a column holds it, some seconds from now. */
export const column = (offsetS = 0) => new Date(Date.now() + offsetS * 1000).toISOString().slice(0, -1);

/** A user as the previous deployment stored it. */
export const userRow = (columns = {}) => ({
  id: newId(),
  name: "Imported",
  email: newEmail("imported"),
  email_verified: false,
  image: null,
  created_at: column(-30 * 86_400),
  updated_at: column(-30 * 86_400),
  gender: null,
  use_case: null,
  onboarding_complete: false,
  ...columns,
});

/** A session of a user. */
export const sessionRow = (user, columns = {}) => ({
  id: newId(),
  token: newId(),
  user_id: user.id,
  expires_at: column(7 * 86_400 - 60),
  created_at: column(-60),
  updated_at: column(-60),
  ip_address: "",
  user_agent: "",
  ...columns,
});

/** A password account of a user. */
export const passwordRow = (user, password, columns = {}) => ({
  id: newId(),
  account_id: user.id,
  provider_id: "credential",
  user_id: user.id,
  access_token: null,
  refresh_token: null,
  id_token: null,
  access_token_expires_at: null,
  refresh_token_expires_at: null,
  scope: null,
  password,
  created_at: column(-30 * 86_400),
  updated_at: column(-30 * 86_400),
  ...columns,
});
