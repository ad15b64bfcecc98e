// Queries, mutations and errors through the official client.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { ConvexError } from "convex/values";
import { Cable } from "../lib/cable.js";
import { LIVE_URL, api, closeAll, follow, live, person, rule, tokens, until } from "../lib/live.js";

after(closeAll);
const titles = (rows) => rows.map(({ title }) => title);

describe("over the socket", () => {
  test("a subscription shows its own writes when the mutation resolves, and another client's without asking", async () => {
    const ada = await person();
    const [here, there] = [live(ada), live(ada)];
    const [seenHere, seenThere] = [follow(here, api.automations.getAutomations), follow(there, api.automations.getAutomations)];
    await seenHere.becomes((rows) => rows.length === 0);
    await seenThere.becomes((rows) => rows.length === 0);
    const made = await here.mutation(api.automations.createAutomation, rule("price"));
    assert.deepEqual(titles(seenHere.values.at(-1)), ["price"], "visible as soon as the promise resolves");
    assert.equal(made.isActive, true);
    await seenThere.becomes((rows) => titles(rows).join() === "price");
    await there.mutation(api.automations.deleteAutomation, { id: made.id });
    await seenHere.becomes((rows) => rows.length === 0);
  });

  test("what changed nothing that is read runs no callback", async () => {
    const client = live(await person());
    const one = follow(client, api.automations.getAutomation, { id: "nobody" });
    await one.becomes((row) => row === null);
    await client.mutation(api.automations.createAutomation, rule("price"));
    await client.mutation(api.automations.createAutomation, rule("hours"));
    assert.deepEqual(one.values, [null]);
  });

  test("an optimistic update stands until the server's own rows show, without a gap", async () => {
    const client = live(await person());
    const seen = follow(client, api.automations.getAutomations);
    await seen.becomes((rows) => rows.length === 0);
    const optimisticUpdate = (store, args) => {
      const rows = store.getQuery(api.automations.getAutomations, {});
      store.setQuery(api.automations.getAutomations, {}, [{ id: "soon", title: args.title }, ...rows]);
    };
    await client.mutation(api.automations.createAutomation, rule("price"), { optimisticUpdate });
    await until(() => seen.values.at(-1)?.[0]?.id !== "soon");
    // The client may run its own update again on any transition; what must not show is a gap.
    assert.deepEqual([...new Set(seen.values.map(titles).map(String))], ["", "price"]);
    assert.deepEqual(seen.values.findIndex((rows) => rows[0]?.id === "soon"), 1);
    assert.notEqual(seen.values.at(-1)[0].id, "soon");
  });

  test("a refused optimistic update is taken back, and the error carries its data", async () => {
    const client = live(await person());
    const seen = follow(client, api.automations.getAutomations);
    await client.mutation(api.automations.createAutomation, rule("price"));
    const optimisticUpdate = (store) => store.setQuery(api.automations.getAutomations, {}, []);
    const refused = client.mutation(api.automations.createAutomation, rule("price"), { optimisticUpdate });
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof ConvexError);
      assert.equal(error.data.code, "CONFLICT");
      return true;
    });
    await seen.becomes((rows) => titles(rows).join() === "price");
  });

  test("errors have stable codes, and arguments are checked", async () => {
    const client = live(await person());
    const codeOf = async (promise) => promise.then(() => assert.fail("it was taken"), (error) => error.data?.code ?? String(error));
    assert.equal(await codeOf(client.mutation(api.automations.deleteAutomation, { id: "nobody" })), "NOT_FOUND");
    assert.equal(await codeOf(client.mutation(api.automations.createAutomation, rule(""))), "VALIDATION");
    assert.equal(await codeOf(client.mutation(api.automations.createAutomation, rule("x", { userId: "me" }))), "VALIDATION");
    assert.equal(await codeOf(client.mutation(api.automations.createAutomation, rule("x", { title: 5n }))), "VALIDATION");
    assert.equal(await codeOf(client.mutation(api.nowhere.nothing, {})), "NOT_FOUND");
    const { promise, resolve } = Promise.withResolvers?.() ?? later();
    client.onUpdate(api.automations.getAutomation, {}, () => assert.fail("it was answered"), resolve);
    assert.equal((await promise).data.code, "VALIDATION");
  });

  test("nobody signed in is told so", async () => {
    const client = new ConvexClient(LIVE_URL, { skipConvexDeploymentUrlCheck: true });
    const { promise, resolve } = later();
    client.onUpdate(api.automations.getAutomations, {}, () => assert.fail("it was answered"), resolve);
    assert.equal((await promise).data.code, "UNAUTHENTICATED");
    await client.close();
  });

  test("a cut cable in the middle of a mutation: it happens once, and its promise resolves", async () => {
    const ada = await person();
    const cable = await Cable.to(LIVE_URL);
    const client = live(ada, { url: cable.base });
    const seen = follow(client, api.automations.getAutomations);
    await seen.becomes((rows) => rows.length === 0);
    const watching = follow(live(ada), api.automations.getAutomations);
    cable.loses = true;
    const making = client.mutation(api.automations.createAutomation, rule("price"));
    // It happened, and the client cannot know.
    await watching.becomes((rows) => rows.length === 1);
    const [{ id }] = watching.values.at(-1);
    cable.cut();
    cable.loses = false;
    assert.equal((await making).id, id);
    await seen.becomes((rows) => rows.length === 1);
    assert.equal(watching.values.at(-1).length, 1);
    await client.close();
    cable.close();
  });

  test("another user in the same client sees only their own rows", async () => {
    const [ada, bob] = [await person({ name: "Ada" }), await person({ name: "Bob" })];
    const client = live(ada);
    const seen = follow(client, api.automations.getAutomations);
    await client.mutation(api.automations.createAutomation, rule("ada"));
    await seen.becomes((rows) => titles(rows).join() === "ada");
    const [{ id }] = seen.values.at(-1);
    client.setAuth(tokens(bob));
    await seen.becomes((rows) => rows.length === 0);
    assert.equal(await client.query(api.automations.getAutomation, { id }), null);
    client.setAuth(tokens(ada));
    await seen.becomes((rows) => titles(rows).join() === "ada");
  });

  test("a session that ended reads nothing more", async () => {
    const ada = await person();
    const client = live(ada);
    const seen = follow(client, api.automations.getAutomations);
    await seen.becomes((rows) => rows.length === 0);
    await ada.client.signOut();
    const refused = client.mutation(api.automations.createAutomation, rule("price"));
    await assert.rejects(refused, (error) => error.data?.code === "UNAUTHENTICATED");
  });
});

describe("over plain HTTP", () => {
  test("query, mutation, error with data, nobody, a bad token", async () => {
    const ada = await person();
    const client = new ConvexHttpClient(LIVE_URL, { skipConvexDeploymentUrlCheck: true, logger: false });
    await assert.rejects(client.query(api.automations.getAutomations, {}), (error) => error.data.code === "UNAUTHENTICATED");
    client.setAuth(await tokens(ada)());
    assert.deepEqual(await client.query(api.automations.getAutomations, {}), []);
    const made = await client.mutation(api.automations.createAutomation, rule("price"));
    assert.deepEqual(await client.query(api.automations.getAutomation, { id: made.id }), made);
    await assert.rejects(client.mutation(api.automations.createAutomation, rule("price")), (error) => error instanceof ConvexError && error.data.code === "CONFLICT");
    assert.deepEqual(titles(await client.consistentQuery(api.automations.getAutomations, {})), ["price"]);
    client.setAuth("garbage");
    await assert.rejects(client.query(api.automations.getAutomations, {}));
  });
});

function later() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
