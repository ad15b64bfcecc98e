// The server dies and comes back: subscriptions go on, mutations happen once.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { LiveServer } from "../lib/live-server.js";
import { api, closeAll, follow, live, person, rule } from "../lib/live.js";

let server;
after(async () => {
  await closeAll();
  await server?.close();
});

test("a killed server in the middle of a subscription and of a mutation", async () => {
  server = await LiveServer.start();
  const client = live(await person(server));
  const seen = follow(client, api.automations.getAutomations);
  await client.mutation(api.automations.createAutomation, rule("before"));
  await server.kill();
  // Asked while nobody is there: it waits for the next life.
  const making = client.mutation(api.automations.createAutomation, rule("after"));
  await server.up();
  await making;
  assert.deepEqual(seen.values.at(-1).map(({ title }) => title), ["after", "before"]);
  // And an orderly stop, too.
  await server.stop();
  await server.up();
  await client.mutation(api.automations.createAutomation, rule("again"));
  assert.deepEqual(seen.values.at(-1).map(({ title }) => title), ["again", "after", "before"]);
  assert.deepEqual(seen.errors, []);
});
