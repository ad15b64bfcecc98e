// One request, exactly as written: no header is added but the client address and the length of a body.
import http from "node:http";

const TIMEOUT_MS = 20_000;
let address = 0;

/** An address nobody used before in this run, so that rate limits of one test do not meet another. */
export function freshAddress() {
  address += 1;
  const [high, low] = [process.pid & 0xffff, address];
  return `10.${high & 0xff}.${(low >> 8) & 0xff}.${low & 0xff}`;
}

/** Sends and returns `{status, statusText, headers, cookies, text, json}`; `cookies` are the raw lines. */
export function send(url, { method = "GET", headers = {}, body, client = freshAddress() } = {}) {
  const sent = { "x-forwarded-for": client, ...headers };
  if (body !== undefined) sent["content-length"] = Buffer.byteLength(body);
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: sent, timeout: TIMEOUT_MS }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve(received(response, Buffer.concat(chunks).toString("utf8"))));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url} within ${TIMEOUT_MS} ms`)));
    request.on("error", reject);
    request.end(body);
  });
}

function received(response, text) {
  const { statusCode: status, statusMessage: statusText, headers, rawHeaders } = response;
  const json = (headers["content-type"] ?? "").startsWith("application/json") && text ? JSON.parse(text) : undefined;
  return { status, statusText, headers, rawHeaders, cookies: headers["set-cookie"] ?? [], text, json };
}
