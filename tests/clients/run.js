// Runs the flows one file after the other (they share what Google issues next) and reports how many tests passed.
// Arguments select files by a part of their name.
import { readdirSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";

const wanted = process.argv.slice(2);
const folder = process.env.FLOWS ?? "flows";
const files = readdirSync(new URL(folder, import.meta.url))
  .filter((name) => name.endsWith(".test.js") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .sort()
  .map((name) => `${import.meta.dirname}/${folder}/${name}`);

const counted = { passed: 0, failed: 0, skipped: 0 };
const isTest = ({ details }) => details?.type !== "suite";
const events = run({ files, concurrency: 1, timeout: 300_000 });
events.on("test:pass", (event) => isTest(event) && (counted[event.skip === undefined ? "passed" : "skipped"] += 1));
events.on("test:fail", (event) => isTest(event) && (counted.failed += 1));
events.on("end", () => {
  console.log(`clients: passed=${counted.passed} failed=${counted.failed} skipped=${counted.skipped}`);
  process.exitCode = counted.failed === 0 && counted.skipped === 0 && counted.passed > 0 ? 0 : 1;
});
events.compose(new spec()).pipe(process.stdout);
