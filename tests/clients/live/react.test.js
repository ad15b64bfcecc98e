// Hooks in a page: the official React client with the official pairing of accounts.
import "../lib/dom.js";
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { closePage } from "../lib/dom.js";
import { LIVE_URL, api, connectInstagram, happens, newAccount, person, rule, until } from "../lib/live.js";

const { createElement: h } = await import("react");
const { createRoot } = await import("react-dom/client");
const { ConvexReactClient, useMutation, usePaginatedQuery, useQuery, useConvexAuth } = await import("convex/react");
const { ConvexBetterAuthProvider } = await import("@convex-dev/better-auth/react");
const { convexClient } = await import("@convex-dev/better-auth/client/plugins");
const { createAuthClient } = await import("better-auth/react");
const { WebSocket } = await import("ws");

after(closePage);

/** A page for a person; `Shown` is what it shows. */
function open({ browser }, Shown) {
  const convex = new ConvexReactClient(LIVE_URL, { webSocketConstructor: WebSocket, skipConvexDeploymentUrlCheck: true });
  const authClient = browser.client(createAuthClient, { plugins: [convexClient()] });
  const element = document.createElement("div");
  document.body.append(element);
  const root = createRoot(element);
  root.render(h(ConvexBetterAuthProvider, { client: convex, authClient }, h(Shown)));
  const close = async () => {
    root.unmount();
    await convex.close();
  };
  return { element, close, shows: (text) => until(() => element.textContent === text, () => `${element.textContent} instead of ${text}`) };
}

test("useQuery and useMutation of a signed-in page", async () => {
  let create;
  const frames = [];
  const Shown = () => {
    const { isAuthenticated } = useConvexAuth();
    const rows = useQuery(api.automations.getAutomations, isAuthenticated ? {} : "skip");
    create = useMutation(api.automations.createAutomation).withOptimisticUpdate((store, args) => {
      const known = store.getQuery(api.automations.getAutomations, {}) ?? [];
      store.setQuery(api.automations.getAutomations, {}, [{ title: `${args.title}…` }, ...known]);
    });
    const text = rows === undefined ? "loading" : rows.map(({ title }) => title).join(" ") || "nothing";
    if (frames.at(-1) !== text) frames.push(text);
    return h("p", null, text);
  };
  const page = open(await person(), Shown);
  await page.shows("nothing");
  const making = create(rule("price"));
  await making;
  await page.shows("price");
  // Its own row at once, then the server's, and nothing between them.
  assert.deepEqual(frames, ["loading", "nothing", "price…", "price"]);
  await page.close();
});

test("usePaginatedQuery loads page by page and stays whole while rows come", async () => {
  const owner = await person();
  const { username: account } = await newAccount();
  await connectInstagram(owner, account);
  const frames = [];
  let more;
  const Shown = () => {
    const { isAuthenticated } = useConvexAuth();
    const { results, status, loadMore } = usePaginatedQuery(api.contacts.list, isAuthenticated ? {} : "skip", { initialNumItems: 2 });
    more = loadMore;
    frames.push({ status, ids: results.map(({ id }) => id) });
    return h("p", null, `${status} ${results.length}`);
  };
  const page = open(owner, Shown);
  await page.shows("Exhausted 0");
  for (const person of ["900000000000001", "900000000000002", "900000000000003", "900000000000004", "900000000000005"]) {
    await happens("dm", { account, person, text: "hello" });
  }
  await page.shows("Exhausted 5");
  for (const { ids } of frames) assert.equal(new Set(ids).size, ids.length, "no row twice");
  await page.close();
  const again = open(owner, Shown);
  await again.shows("CanLoadMore 2");
  more(2);
  await again.shows("CanLoadMore 4");
  more(2);
  await again.shows("Exhausted 5");
  await again.close();
});
