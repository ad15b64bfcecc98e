// The server as a process of its own, on a port that stays the same over its lives, with the built-in sandbox beside it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const START_DEADLINE_MS = 120_000;
const WELCOME = "Greenroom serves on ";

/** A port that nobody listens on. */
async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** A data folder with a server over it. `base` is its origin; `sandbox` that of the sandbox inside it. */
export class LiveServer {
  static async start(settings = []) {
    const server = new LiveServer();
    server.folder = mkdtempSync(join(tmpdir(), "greenroom-live-"));
    const [port, sandbox] = [await freePort(), await freePort()];
    server.listen = `127.0.0.1:${port}`;
    server.base = `http://${server.listen}`;
    server.sandbox = `http://127.0.0.1:${sandbox}`;
    server.settings = ["sandbox.demo=false", `sandbox.listen=127.0.0.1:${sandbox}`, ...settings];
    await server.up();
    return server;
  }

  /** Starts a process over the folder; returns when it answers requests. */
  async up() {
    const args = ["--data", join(this.folder, "data"), "--listen", this.listen, ...this.settings.flatMap((setting) => ["--set", setting])];
    const env = { PATH: process.env.PATH, RUST_BACKTRACE: "1" };
    this.child = spawn(process.env.GREENROOM_BIN, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    this.ended = once(this.child, "exit");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), START_DEADLINE_MS);
    try {
      for await (const line of createInterface({ input: this.child.stdout })) if (line.startsWith(WELCOME)) return;
    } finally {
      clearTimeout(timer);
      this.child.stdout.resume();
    }
    throw new Error("the server did not start");
  }

  /** The operator's token. */
  get token() {
    return readFileSync(join(this.folder, "data", "operator-token"), "utf8").trim();
  }

  /** Ends the process as a power cut would, and waits until it is gone. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Ends the process orderly. */
  async stop() {
    this.child.kill("SIGTERM");
    await this.ended;
  }

  /** Ends everything and forgets the data. */
  async close() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
