// The few lines of HTTP that the reference server and its Google share.
import { createServer } from "node:http";

const BODY_BYTES_MAX = 1 << 20;

/** Listens on a port of the loopback (0: a free one) and returns the origin and a function that stops. */
export async function listen(port, serve) {
  const server = createServer((request, response) => {
    Promise.resolve(serve(request, response, new URL(request.url, "http://localhost"))).catch((error) => {
      console.error(error);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop, server };
}

/** The whole body as text. */
export async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error("body too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Answers with a status and, if given, JSON. */
export function answer(response, status, json) {
  if (json === undefined) return response.writeHead(status).end();
  response.writeHead(status, { "content-type": "application/json" });
  return response.end(JSON.stringify(json));
}
