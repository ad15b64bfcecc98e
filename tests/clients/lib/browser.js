// A browser as far as the contract needs one: a cookie jar, an origin and an address.
import { createAuthClient as vanilla17 } from "better-auth/client";
import { createAuthClient as vanilla14 } from "better-auth-1-4/client";
import { BASE_URL } from "./env.js";
import { freshAddress, send } from "./http.js";

/** The official vanilla clients by version. */
export const CLIENTS = { "1.7.25": vanilla17, "1.4.18": vanilla14 };

/** A browser on the page `origin`, with its own cookies. */
export class Browser {
  cookies = new Map();
  /** Every request that was made: `METHOD /path`. */
  requests = [];
  /** The address that all requests come from, for tests of rate limits; otherwise each has its own. */
  address = undefined;

  constructor(base = BASE_URL) {
    this.base = base;
    this.origin = base;
  }

  /** For `customFetchImpl`. Redirects are not followed: a page's navigation is not a fetch. */
  fetch = async (input, init = {}) => {
    const request = new Request(input, init);
    const body = request.body ? await request.text() : undefined;
    const sent = Object.fromEntries(request.headers);
    const answer = await this.send(request.url, { method: request.method, headers: sent, body });
    init.signal?.throwIfAborted();
    const headers = new Headers();
    for (let at = 0; at < answer.rawHeaders.length; at += 2) headers.append(answer.rawHeaders[at], answer.rawHeaders[at + 1]);
    const empty = [204, 205, 304].includes(answer.status) || answer.text === "";
    return new Response(empty ? null : answer.text, { status: answer.status, statusText: answer.statusText, headers });
  };

  /** A request with the browser's cookies and origin; a path is taken below the base URL. */
  async send(url, { method = "GET", headers = {}, body, client = this.address ?? freshAddress() } = {}) {
    const target = new URL(url, this.base);
    this.requests.push(`${method} ${target.pathname}`);
    const own = { origin: this.origin, "user-agent": "suite", ...(this.cookies.size ? { cookie: this.cookieHeader() } : {}) };
    const answer = await send(target, { method, headers: { ...own, ...headers }, body, client });
    for (const line of answer.cookies) this.store(line);
    return answer;
  }

  /** Follows a link as a page navigation does: GET without `Origin`. */
  async navigate(url) {
    const cookie = this.cookies.size ? { cookie: this.cookieHeader() } : {};
    const answer = await send(new URL(url, this.base), { headers: { ...cookie } });
    for (const line of answer.cookies) this.store(line);
    return answer;
  }

  cookieHeader() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  store(line) {
    const [pair, ...attributes] = line.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    if (attributes.some((attribute) => attribute.toLowerCase() === "max-age=0")) this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(name.length + 1));
  }

  /** The signed session token, as it stands in the cookie. */
  get session() {
    return this.cookies.get("better-auth.session_token");
  }

  /** An official client in this browser. */
  client(create = vanilla17, options = {}) {
    return create({ baseURL: this.base, fetchOptions: { customFetchImpl: this.fetch }, ...options });
  }
}
