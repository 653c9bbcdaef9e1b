/** A small real HTTP server that a test answers for. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface Seen {
  method: string;
  /** With the query. */
  path: string;
  body: unknown;
}

export type Answer = (seen: Seen, response: ServerResponse) => void | Promise<void>;

export interface TestServer {
  base: string;
  seen: Seen[];
  answer: Answer;
  close: () => Promise<void>;
}

/** Returns a server on a free port; `answer` may be replaced at any time. */
export async function serve(answer: Answer): Promise<TestServer> {
  const server = createServer();
  const made: TestServer = { base: "", seen: [], answer, close: async () => {} };
  server.on("request", async (request, response) => {
    for (const [name, value] of Object.entries(ANY_ORIGIN)) response.setHeader(name, value);
    if (request.method === "OPTIONS") {
      response.end();
      return;
    }
    const seen = await seenOf(request);
    made.seen.push(seen);
    await made.answer(seen, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  made.base = `http://127.0.0.1:${address.port}`;
  made.close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return made;
}

/** Answers with JSON. */
export function json(response: ServerResponse, body: unknown, status = 200, headers = {}): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Answers with a problem, as the API does. */
export function problem(
  response: ServerResponse,
  status: number,
  error: string,
  more = {},
  headers = {},
): void {
  json(response, { type: "about:blank", title: "", status, detail: error, error, ...more }, status, headers);
}

/** Answers as the proxy does where it does not reach the service. */
export function away(response: ServerResponse): void {
  json(response, { error: "Inference service unavailable" }, 503);
}

/** Returns once `condition` holds; fails after 5 s. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > end) throw new Error("It did not come to hold within 5 s.");
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const ANY_ORIGIN = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "*",
  "Access-Control-Allow-Headers": "*",
  "Access-Control-Expose-Headers": "*",
};

async function seenOf(request: IncomingMessage): Promise<Seen> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += chunk;
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    body: text === "" ? null : JSON.parse(text),
  };
}
