// A page: the globals that React and the official client look for, from a DOM in memory.
import { Window } from "happy-dom";
import { BASE_URL } from "./env.js";

const window = new Window({ url: `${BASE_URL}/` });
const page = {
  window,
  document: window.document,
  navigator: window.navigator,
  HTMLElement: window.HTMLElement,
  Node: window.Node,
  localStorage: window.localStorage,
};
for (const [name, value] of Object.entries(page)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

/** Closes the page, so that nothing of it keeps the process. */
export const closePage = () => window.happyDOM.close();
