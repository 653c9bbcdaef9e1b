/** A real HTTP server in the place of the inference service. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface FakeService {
  url: string;
  received: Received[];
  /** How many requests ended before their answer was out. */
  left: () => number;
  /** Ends when everything is closed. */
  close: () => Promise<void>;
}

export type Behaviour = (response: ServerResponse, received: Received, count: number) => void;

/** A service that behaves so; INFERENCE_API_URL names it. */
export async function serviceThat(behave: Behaviour): Promise<FakeService> {
  const received: Received[] = [];
  let left = 0;
  const server = createServer(async (request, response) => {
    response.on("close", () => {
      if (!response.writableFinished) left += 1;
    });
    const one = await whole(request);
    received.push(one);
    behave(response, one, received.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${portOf(server)}`;
  vi.stubEnv("INFERENCE_API_URL", url);
  return { url, received, left: () => left, close: () => closed(server) };
}

/** Answers with JSON. */
export function says(body: unknown, status = 200, headers: Record<string, string> = {}): Behaviour {
  return (response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

/** Never answers. */
export const isSilent: Behaviour = () => undefined;

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}

async function whole(request: IncomingMessage): Promise<Received> {
  let body = "";
  request.setEncoding("utf8");
  for await (const piece of request) body += piece;
  const { method = "", url = "", headers } = request;
  return { method, url, headers, body };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
