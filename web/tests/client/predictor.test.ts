import { afterEach, beforeEach, expect, test } from "vitest";
import { endpointsOf } from "@/candleloop/client/endpoints";
import { Predictor } from "@/candleloop/client/predictor";
import { json, pause, problem, type Seen, serve, type TestServer, until } from "./http";

const SERIES = { pair: "EURUSD", timeframe: "1h" };
const CANDLES = Array.from({ length: 100 }, (_, at) => ({
  time: at * 10,
  open: 1,
  high: 1,
  low: 1,
  close: 1,
}));
let server: TestServer;
let version = "1";
let heard: string[];

beforeEach(async () => {
  version = "1";
  heard = [];
  server = await serve((seen, response) => json(response, answerTo(seen)));
});

afterEach(() => server.close());

/** One span from the first candle asked about to the last. */
function answerTo({ body }: Seen) {
  const times = timesOf(body);
  const span = {
    label: "flag",
    start_time: times[0],
    end_time: times.at(-1),
    avg_confidence: 0.9,
    candle_count: 2,
  };
  return { ...SERIES, spans: [span], per_candle: [], model_info: { model_version: version } };
}

function timesOf(body: unknown): number[] {
  // What the predictor itself has sent.
  return (body as { candles: { time: number }[] }).candles.map(({ time }) => time);
}

function make(most_candles?: number): Predictor {
  return new Predictor({
    series: SERIES,
    endpoints: endpointsOf(server.base),
    onVersion: (answered) => heard.push(answered),
    ...(most_candles === undefined ? {} : { most_candles }),
  });
}

function range(start_time: number, end_time: number) {
  return { start_time, end_time };
}

test("the candles of the range are sent and the answer is known", async () => {
  const predictor = make();
  await predictor.askRange(CANDLES, range(95, 134));
  expect(timesOf(server.seen[0]?.body)).toEqual([100, 110, 120, 130]);
  const { known, state } = predictor.snapshot();
  expect(known.spans).toMatchObject([{ start_time: 100, end_time: 130 }]);
  expect(state).toBe("idle");
  expect(heard).toEqual(["1"]);
});

test("the newest question counts, however late the one before is answered", async () => {
  const predictor = make();
  server.answer = async (seen, response) => {
    if (server.seen.length === 1) await pause(60);
    json(response, answerTo(seen));
  };
  const first = predictor.askRange(CANDLES, range(0, 50));
  await until(() => server.seen.length === 1);
  await predictor.askRange(CANDLES, range(200, 250));
  await first;
  await pause(80);
  expect(predictor.snapshot().known.spans.map(({ start_time }) => start_time)).toEqual([200]);
  expect(predictor.snapshot().state).toBe("idle");
});

test("a question that is cancelled changes nothing", async () => {
  const predictor = make();
  server.answer = () => {};
  const asked = predictor.askRange(CANDLES, range(0, 50));
  await until(() => server.seen.length === 1);
  expect(predictor.snapshot().state).toBe("running");
  predictor.cancel();
  await asked;
  expect(predictor.snapshot()).toMatchObject({ state: "idle", error: null, known: { version: null } });
});

test("what was asked before is answered without the service, until another version serves", async () => {
  const predictor = make();
  await predictor.askRange(CANDLES, range(0, 50));
  await predictor.askRange(CANDLES, range(0, 50));
  expect(server.seen).toHaveLength(1);
  version = "2";
  expect(predictor.follow("2")).toBe(true);
  expect(predictor.snapshot().known.spans).toEqual([]);
  await predictor.askRange(CANDLES, range(0, 50));
  expect(server.seen).toHaveLength(2);
  expect(predictor.snapshot().known.version).toBe("2");
});

test("the same range with another last price is another question", async () => {
  const predictor = make();
  await predictor.askRange(CANDLES, range(0, 50));
  const moved = CANDLES.map((candle) => (candle.time === 50 ? { ...candle, close: 2 } : candle));
  await predictor.askRange(moved, range(0, 50));
  expect(server.seen).toHaveLength(2);
});

test("a refusal is told in its words, and what was known stays", async () => {
  const predictor = make();
  await predictor.askRange(CANDLES, range(0, 50));
  server.answer = (_, response) => problem(response, 422, "At least 64 candles are needed.");
  await predictor.askRange(CANDLES, range(200, 250));
  expect(predictor.snapshot()).toMatchObject({ state: "failed", error: "At least 64 candles are needed." });
  expect(predictor.snapshot().known.spans).toHaveLength(1);
});

test("without a candle in view nothing is asked", async () => {
  const predictor = make();
  await predictor.askRange(CANDLES, range(5000, 6000));
  expect(server.seen).toHaveLength(0);
  expect(predictor.snapshot().error).toContain("No candle is visible");
});

test("more candles than a question may have are asked for as stored ones", async () => {
  server.answer = (_, response) => {
    const lines = [
      { type: "start", ...SERIES, candle_count: 6, model_info: { model_version: "1" } },
      { type: "part", spans: [], per_candle: [], candles_done: 6, progress: 1 },
      { type: "end", candle_count: 6 },
    ];
    response.end(lines.map((line) => JSON.stringify(line)).join("\n"));
  };
  const predictor = make(5);
  await predictor.askRange(CANDLES, range(0, 50));
  expect(server.seen[0]).toMatchObject({
    path: "/predict/batch",
    body: { ...SERIES, start_date: 0, end_date: 50 },
  });
  expect(predictor.isCovered(range(0, 50))).toBe(true);
});
