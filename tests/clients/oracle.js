// Runs the suite against the reference server: it proves that the tests are right. Arguments go to the test runner.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { startGoogle } from "./reference/google.js";
import { redirectGoogle, startReference } from "./reference/server.js";
import { SECRET } from "./lib/constants.js";

const google = { clientId: "greenroom-clients", clientSecret: randomBytes(12).toString("hex") };
const fake = await startGoogle(google);
redirectGoogle(fake.origin);
const mails = [];
const main = await startReference({ secret: SECRET, google, mails });
const mailing = await startReference({ secret: SECRET, google, mails, deletionByMail: true });

const env = {
  ...process.env,
  TARGET: "reference",
  BASE_URL: main.origin,
  DELETION_BY_MAIL_URL: mailing.origin,
  MAIL_URL: `${main.origin}/__sandbox/mail`,
  AUTH_SECRET: SECRET,
  GOOGLE_URL: `${fake.origin}/google`,
  GOOGLE_CONTROL_URL: `${fake.origin}/_sandbox/google`,
  GOOGLE_CLIENT_ID: google.clientId,
  GOOGLE_CLIENT_SECRET: google.clientSecret,
};
const suite = spawn(process.execPath, ["run.js", ...process.argv.slice(2)], { cwd: import.meta.dirname, env, stdio: "inherit" });
suite.on("exit", (code) => process.exit(code ?? 1));
