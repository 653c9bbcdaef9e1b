import { expect, test } from "vitest";
import { isCovered, NOTHING_KNOWN, widened, withAnswer } from "@/candleloop/client/known-predictions";
import { PredictionCache } from "@/candleloop/client/prediction-cache";

function span(start_time: number, end_time: number, label = "flag") {
  return { label, start_time, end_time, avg_confidence: 0.8, candle_count: 2 };
}

function range(start_time: number, end_time: number) {
  return { start_time, end_time };
}

const FIRST = withAnswer(NOTHING_KNOWN, {
  version: "1",
  range: range(0, 50),
  spans: [span(5, 9), span(40, 50)],
});

test("what was said of other ranges stays, what overlaps the asked range is replaced", () => {
  const known = withAnswer(FIRST, { version: "1", range: range(40, 90), spans: [span(42, 60)] });
  expect(known.spans).toEqual([span(5, 9), span(42, 60)]);
  expect(known.covered).toEqual([range(0, 90)]);
});

test("another version's word is dropped", () => {
  const known = withAnswer(FIRST, { version: "2", range: range(100, 120), spans: [span(101, 103)] });
  expect(known).toEqual({ version: "2", spans: [span(101, 103)], covered: [range(100, 120)] });
});

test("a range is covered only where all of it was asked about", () => {
  const known = withAnswer(FIRST, { version: "1", range: range(100, 120), spans: [] });
  expect(isCovered(known, range(10, 50))).toBe(true);
  expect(isCovered(known, range(40, 110))).toBe(false);
});

test("a range is widened to whole spans at its edges", () => {
  expect(widened(FIRST, range(7, 45))).toEqual(range(5, 50));
  expect(widened(FIRST, range(10, 30))).toEqual(range(10, 30));
});

test("an answer is found again by pair, timeframe, range and version alone", () => {
  const cache = new PredictionCache();
  const key = { pair: "EURUSD", timeframe: "1h", ...range(0, 50), last_close: 1.1 };
  cache.keep("1", key, [span(5, 9)]);
  expect(cache.find("1", { ...key })).toEqual([span(5, 9)]);
  expect(cache.find("2", key)).toBeNull();
  for (const other of [{ pair: "GBPUSD" }, { timeframe: "4h" }, range(0, 51), { last_close: 1.2 }]) {
    expect(cache.find("1", { ...key, ...other })).toBeNull();
  }
});

test("a new version drops all answers, also should the old one come back", () => {
  const cache = new PredictionCache();
  const key = { pair: "EURUSD", timeframe: "1h", ...range(0, 50), last_close: null };
  cache.keep("1", key, []);
  cache.follow("2");
  cache.follow("1");
  expect(cache.find("1", key)).toBeNull();
});

test("the answer that was used longest ago makes room", () => {
  const cache = new PredictionCache(2);
  const key = (end_time: number) => ({
    pair: "EURUSD",
    timeframe: "1h",
    ...range(0, end_time),
    last_close: null,
  });
  cache.keep("1", key(1), []);
  cache.keep("1", key(2), []);
  cache.find("1", key(1));
  cache.keep("1", key(3), []);
  expect([1, 2, 3].map((end) => cache.find("1", key(end)) !== null)).toEqual([true, false, true]);
});
