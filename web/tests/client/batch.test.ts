import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { predictBatch } from "@/candleloop/client/batch";
import { isAbort } from "@/candleloop/client/call";
import { endpointsOf } from "@/candleloop/client/endpoints";
import { pause, serve, type TestServer, until } from "./http";

const SERIES = { pair: "EURUSD", timeframe: "1h" };
const START = { type: "start", ...SERIES, candle_count: 4, model_info: { model_version: "7" } };
const END = { type: "end", candle_count: 4 };
let server: TestServer;

beforeEach(async () => {
  server = await serve(() => {});
});

afterEach(() => server.close());

function part(progress: number, ...times: number[]) {
  const spans = times.map((time) => ({ label: "flagge·ü", start_time: time, end_time: time }));
  const per_candle = times.map((time) => ({ time, label: "O", confidence: 0.5 }));
  return { type: "part", spans, per_candle, candles_done: 0, progress };
}

/** Sends the text in pieces of a few bytes, which cut lines and letters. */
async function send(response: ServerResponse, lines: unknown[], size: number): Promise<void> {
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  for (let at = 0; at < bytes.length; at += size) {
    response.write(bytes.subarray(at, at + size));
    if (at % 50 === 0) await pause(0);
  }
  response.end();
}

function ask(options: Partial<Parameters<typeof predictBatch>[1]> = {}) {
  return predictBatch(endpointsOf(server.base), {
    series: SERIES,
    range: null,
    onProgress: () => {},
    signal: new AbortController().signal,
    ...options,
  });
}

test.each([1, 3, 17, 100_000])("lines are whole again when they come in pieces of %i bytes", async (size) => {
  const told: number[] = [];
  server.answer = (_, response) => send(response, [START, part(0.5, 10, 20), part(1, 30), END], size);
  const answer = await ask({ onProgress: (progress) => told.push(progress) });
  expect(answer.spans.map(({ label, start_time }) => [label, start_time])).toEqual([
    ["flagge·ü", 10],
    ["flagge·ü", 20],
    ["flagge·ü", 30],
  ]);
  expect(answer).toMatchObject({
    model_info: { model_version: "7" },
    range: { start_time: 10, end_time: 30 },
  });
  expect(told).toEqual([0.5, 1]);
});

test("a range is asked for by its bounds, all stored candles without any", async () => {
  server.answer = (_, response) => send(response, [START, END], 1000);
  await ask({ range: { start_time: 10, end_time: 30 } });
  await ask();
  expect(server.seen.map(({ body }) => body)).toEqual([{ ...SERIES, start_date: 10, end_date: 30 }, SERIES]);
});

test("a stream that ends without its end line was cut", async () => {
  server.answer = (_, response) => send(response, [START, part(0.5, 10)], 1000);
  await expect(ask()).rejects.toThrow("broke off");
});

test("a connection that breaks within a line is an error and no part of an answer", async () => {
  server.answer = async (_, response) => {
    response.write(`${JSON.stringify(START)}\n{"type": "pa`);
    await pause(20);
    response.destroy();
  };
  await expect(ask()).rejects.toThrow("broke off");
});

test("an error line is told in the service's words", async () => {
  const problem = { error: "The model was removed.", status: 503 };
  server.answer = (_, response) => send(response, [START, { type: "error", problem }], 1000);
  await expect(ask()).rejects.toThrow("The model was removed.");
});

test("to cancel closes the connection, so that the service stops", async () => {
  let isClosed = false;
  server.answer = (_, response) => {
    response.on("close", () => {
      isClosed = true;
    });
    response.write(`${JSON.stringify(START)}\n`);
  };
  const ending = new AbortController();
  const asked = ask({ signal: ending.signal }).catch((error: unknown) => error);
  await until(() => server.seen.length === 1);
  await pause(20);
  ending.abort();
  expect(isAbort(await asked)).toBe(true);
  await until(() => isClosed);
});
