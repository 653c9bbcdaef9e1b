/** The stream of a batch, passed on line by line. */

import type { BatchError } from "../candleloop-api";
import type { Patience } from "./patience";
import { problemOf, Refusal } from "./problems";

export const NDJSON = "application/x-ndjson";
export const BATCH_TIMED_OUT = "Batch prediction timed out";
const BROKE_OFF =
  "Predicting broke off: found the connection to the inference service cut, expected the end. Ask again.";
const NEWLINE = 10;

/**
 * The lines of a stream as they arrive; silence and a cut end it with the API's own kind of `error` line.
 *
 * Only whole lines are passed on, so that the `error` line is one by itself. Cancelling cancels upstream too.
 */
export function passedOn(body: ReadableStream<Uint8Array>, waiting: Patience): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let rest = new Uint8Array(0);
  const end = (controller: ReadableStreamDefaultController<Uint8Array>, last: Uint8Array) => {
    waiting.end();
    if (last.byteLength > 0) controller.enqueue(last);
    controller.close();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        for (;;) {
          waiting.renew();
          const { done, value } = await reader.read();
          // The next piece is asked for once the client has taken this one, however slow it is.
          waiting.pause();
          if (done) return end(controller, rest);
          const { whole, begun } = parted(rest, value);
          rest = begun;
          if (whole.byteLength > 0) return controller.enqueue(whole);
        }
      } catch {
        end(controller, errorLine(waiting));
      }
    },
    async cancel(reason) {
      waiting.end();
      await reader.cancel(reason);
    },
  });
}

function parted(rest: Uint8Array, value: Uint8Array): { whole: Uint8Array; begun: Uint8Array<ArrayBuffer> } {
  const all = new Uint8Array(rest.byteLength + value.byteLength);
  all.set(rest);
  all.set(value, rest.byteLength);
  const length = all.lastIndexOf(NEWLINE) + 1;
  return { whole: all.subarray(0, length), begun: all.slice(length) };
}

function errorLine(waiting: Patience): Uint8Array {
  const refusal = waiting.is_over() ? new Refusal(504, BATCH_TIMED_OUT) : new Refusal(503, BROKE_OFF);
  const line: BatchError = { type: "error", problem: problemOf(refusal) };
  return new TextEncoder().encode(`${JSON.stringify(line)}\n`);
}
