// The exchanges of the contract, row by row, and its password hashes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { Browser } from "../lib/browser.js";
import { SECRET } from "../lib/constants.js";
import { AUTH_SECRET } from "../lib/env.js";
import { newId, ok, refused } from "../lib/people.js";
import { passwordRow, seed, userRow } from "../lib/seed.js";
import { signed } from "../lib/signed.js";
import { arrange, play } from "../lib/vectors.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
const exchanges = read("auth-exchanges.json");
const BILLING_FROM = 70;

before(async () => {
  assert.equal(AUTH_SECRET, SECRET, "the vectors need their own secret");
  await arrange(exchanges.given);
});

describe("exchanges", () => {
  test("every row is there", () => {
    const numbers = exchanges.rows.map(({ row }) => row);
    assert.deepEqual(numbers, Array.from({ length: BILLING_FROM - 1 }, (_, at) => at + 1));
  });
  for (const exchange of exchanges.rows) test(`row ${exchange.row}`, () => play(exchange));
});

describe("password hashes", () => {
  for (const { id, password, stored } of read("password-hashes.json")) {
    test(id, async () => {
      const user = userRow();
      await seed({ users: [user], accounts: [passwordRow(user, stored, { id: newId() })] });
      const signIn = (typed) => new Browser().client().signIn.email({ email: user.email, password: typed });
      refused(await signIn(`${password}x`), 401, "INVALID_EMAIL_OR_PASSWORD");
      for (const typed of [password, password.normalize("NFD"), password]) assert.equal(ok(await signIn(typed)).user.id, user.id);
      refused(await signIn(`${password}x`), 401, "INVALID_EMAIL_OR_PASSWORD");
    });
  }
});

describe("signed values", () => {
  const values = {
    AbCdEfGhIjKlMnOpQrStUvWxYz012345: "VsPAsL6sdEyaruCRxntiB3aD5a%2BZTD0GhOEajmYQr04%3D",
    true: "eAQ8%2BMdJWjmFDM47tYDT6eT7xEzDsRd1bBiXnEzE15k%3D",
  };
  test("this suite signs as the contract does", () => {
    for (const [value, signature] of Object.entries(values)) assert.equal(signed(value), `${value}.${signature}`);
  });
});
