/** Requests as the browser sends them to the proxy routes. */

import { forwarded } from "../../candleloop/server";
import type { CallName } from "../../candleloop/server/calls";

interface Sent {
  query?: string;
  body?: BodyInit;
  headers?: Record<string, string>;
  params?: Record<string, string>;
  signal?: AbortSignal;
}

/** The answer of a route to a request of its own page. */
export function ask(name: CallName, sent: Sent = {}): Promise<Response> {
  const method = name.split(" ")[0];
  const { body, signal, query = "" } = sent;
  const headers = { Host: "127.0.0.1:3000", ...sent.headers };
  // Node wants `duplex` for a body that is a stream; the DOM's types do not know it.
  const init = { method, headers, body, signal, duplex: "half" };
  const request = new Request(`http://127.0.0.1:3000/api/x${query}`, init);
  return forwarded(name)(request, { params: Promise.resolve(sent.params ?? {}) });
}

/** Resolves once it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error("waited five seconds in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
