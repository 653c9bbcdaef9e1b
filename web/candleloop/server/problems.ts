/** Refusals of the proxy itself, in the shape that the API's own errors have. */

import type { Problem } from "../candleloop-api";

const TITLES: Record<number, string> = {
  403: "Forbidden",
  404: "Not Found",
  413: "Content Too Large",
  422: "Unprocessable Entity",
  499: "Client Closed Request",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export const INVALID_REQUEST = "urn:candleloop:invalid-request";
export const UNAVAILABLE = "Inference service unavailable";

/** A request that is answered with a problem. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly type = "about:blank",
  ) {
    super(message);
  }
}

/** The body of a refusal: RFC 9457, with the text once more as `error`. */
export function problemOf({ status, message, type }: Refusal): Problem {
  return { type, title: TITLES[status] ?? "Error", status, detail: message, error: message };
}

/** The answer that a refusal is. */
export function answerTo(refusal: Refusal): Response {
  const headers = { "Content-Type": "application/problem+json", "Cache-Control": "no-store" };
  return new Response(JSON.stringify(problemOf(refusal)), { status: refusal.status, headers });
}

/** Text from outside as it may stand in a message: quoted, and no longer than a line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
