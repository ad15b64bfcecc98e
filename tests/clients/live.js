// Runs the live flows against a server of their own: starts it, tells its address, and stops it afterwards.
import { rmSync } from "node:fs";
import { LiveServer } from "./lib/live-server.js";

const server = await LiveServer.start();
Object.assign(process.env, {
  FLOWS: "live",
  BASE_URL: server.base,
  LIVE_URL: server.base,
  SANDBOX_URL: server.sandbox,
  LIVE_OPERATOR_TOKEN: server.token,
  // What the lists of the accounts' flows ask for and these do not use.
  TARGET: "greenroom",
  MAIL_URL: `${server.base}/__sandbox/mail`,
  DELETION_BY_MAIL_URL: server.base,
  AUTH_SECRET: "unused",
  GOOGLE_URL: "unused",
  GOOGLE_CONTROL_URL: "unused",
  GOOGLE_CLIENT_ID: "unused",
  GOOGLE_CLIENT_SECRET: "unused",
});
// The server does not keep this process, and ends with it.
server.child.unref();
server.child.stdout.unref();
process.on("exit", () => {
  server.child.kill("SIGKILL");
  rmSync(server.folder, { recursive: true, force: true, maxRetries: 5 });
});
await import("./run.js");
