/** Bodies of requests: read up to a bound, and checked for names that the API does not know. */

import type { CallRules } from "./calls";
import { INVALID_REQUEST, quoted, Refusal } from "./problems";

/** The bytes of a body. */
export async function readBody(request: Request, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw tooLarge(mostBytes);
  const reader = request.body?.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > mostBytes) {
      // Not awaited: it may take until the sender has sent all of it.
      reader.cancel().catch(() => undefined);
      throw tooLarge(mostBytes);
    }
    pieces.push(value);
  }
  return joined(pieces, size);
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

function tooLarge(mostBytes: number): Refusal {
  return new Refusal(
    413,
    `request body: found more than ${mostBytes} bytes, expected at most that. ` +
      "Send less at once, or raise INFERENCE_MAX_BODY and the API's body_bytes.",
  );
}

/** Returns where the JSON has only names that the call knows; what is no object, the API itself judges. */
export function checkBody(bytes: Uint8Array, allowed: CallRules["body"]): void {
  if (bytes.byteLength === 0) return;
  const sent = parsed(bytes);
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) return;
  refuseUnknown(Object.keys(sent), allowed, { before: "$.", noun: "field" });
}

/** Returns where the query has only names that the call knows. */
export function checkQuery(query: URLSearchParams, allowed: CallRules["query"]): void {
  refuseUnknown([...query.keys()], allowed, { before: "query.", noun: "parameter" });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Refusal(
      422,
      "request body: found no JSON in UTF-8, expected it. Correct the request.",
      INVALID_REQUEST,
    );
  }
}

function refuseUnknown(
  names: readonly string[],
  allowed: CallRules["body"],
  said: { before: string; noun: string },
): void {
  if (allowed === "any") return;
  const known = allowed ?? {};
  const unknown = names.find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const expected = Object.keys(known).join(", ") || "none";
  const name = /^\w{1,100}$/.test(unknown) ? unknown : quoted(unknown);
  throw new Refusal(
    422,
    `${said.before}${name}: found an unknown ${said.noun}, expected one of ${expected}. Leave it out.`,
    INVALID_REQUEST,
  );
}
