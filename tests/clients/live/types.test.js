// The generated module type-checks, and wrong calls do not.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

const folder = join(import.meta.dirname, "..", ".generated");
after(() => rmSync(folder, { recursive: true, force: true }));

const USAGE = `
import { ConvexHttpClient } from "convex/browser";
import { useMutation, usePaginatedQuery, useQuery } from "convex/react";
import { api } from "./api";

export function right() {
  const rows: { title: string; isActive: boolean }[] | undefined = useQuery(api.automations.getAutomations);
  const one = useQuery(api.automations.getAutomation, { id: "x" });
  const title: string | undefined = one?.title;
  const create = useMutation(api.automations.createAutomation);
  void create({ title: "t", triggerWord: "t", responseType: "fixed", responseContent: "c" });
  const { results, loadMore } = usePaginatedQuery(api.contacts.list, {}, { initialNumItems: 10 });
  const id: string | undefined = results[0]?.id;
  const http: Promise<{ id: string }[]> = new ConvexHttpClient("http://x").query(api.automations.getAutomations, {});
  return { rows, title, id, loadMore, http };
}

export function wrong() {
  // @ts-expect-error an argument is missing
  useQuery(api.automations.getAutomation, {});
  // @ts-expect-error an argument too many
  useQuery(api.automations.getAutomation, { id: "x", userId: "y" });
  // @ts-expect-error a mutation is no query
  useQuery(api.automations.createAutomation, { title: "t" });
  // @ts-expect-error no such function
  useQuery(api.automations.nothing);
}
`;

test("tsc --strict takes the generated module and refuses wrong calls", () => {
  mkdirSync(folder, { recursive: true });
  execFileSync(process.env.GREENROOM_BIN, ["api", "--out", join(folder, "api.ts")], { env: { PATH: process.env.PATH } });
  writeFileSync(join(folder, "usage.ts"), USAGE);
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--jsx", "react-jsx"];
  const checked = spawnSync(process.execPath, [join(import.meta.dirname, "../node_modules/typescript/bin/tsc"), ...options, join(folder, "usage.ts")], { encoding: "utf8" });
  assert.equal(checked.stdout, "");
  assert.equal(checked.status, 0);
});
