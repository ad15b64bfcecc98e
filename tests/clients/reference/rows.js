// Rows of the previous deployment (snake case, times without zone in UTC) and of the reference server's memory.

const TABLES = { users: "user", sessions: "session", accounts: "account", verifications: "verification" };
const ZONELESS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/;

/** Puts exported rows into the reference server's tables. */
export function load(db, rows) {
  for (const [list, table] of Object.entries(TABLES)) {
    for (const row of rows[list] ?? []) db[table].push(mapped(row, camel, fromColumn));
  }
}

/** The reference server's tables as exported rows. */
export function dump(db) {
  const lists = Object.entries(TABLES).map(([list, table]) => [list, db[table].map((row) => mapped(row, snake, toColumn))]);
  return Object.fromEntries(lists);
}

function mapped(row, key, value) {
  return Object.fromEntries(Object.entries(row).map(([name, column]) => [key(name, column), value(column)]));
}

// `use_case` is declared under this very name, so it is the same on both sides.
const SAME_NAME = new Set(["use_case", "onboarding_complete"]);
const camel = (name) => (SAME_NAME.has(name) ? name : name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()));
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const fromColumn = (value) => (typeof value === "string" && ZONELESS.test(value) ? new Date(`${value}Z`) : value);
const toColumn = (value) => (value instanceof Date ? value.toISOString().slice(0, -1) : value);
