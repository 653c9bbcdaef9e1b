import { describe, expect, test } from "vitest";
import { areAboutTheSame, compare, type Labelled, type Pair } from "@/candleloop/spans/matching";
import cases from "./matching-cases.json";
import { candlesAt } from "./series";

type Told = (number | null)[];

function spans(listed: (string | number)[][]): Labelled[] {
  return listed.map(([label, start, end]) => ({
    label: String(label),
    start_time: Number(start),
    end_time: Number(end),
  }));
}

/** As the cases tell it: sorted by place, a missing place last. */
function told(pairs: readonly Pair[]): Told[] {
  const last = Number.MAX_SAFE_INTEGER;
  return pairs
    .map(({ a, b, start_bars, end_bars }) => [a, b, start_bars, end_bars])
    .sort((p, q) => (p[0] ?? last) - (q[0] ?? last) || (p[1] ?? last) - (q[1] ?? last));
}

describe("compare pairs spans as the service does", () => {
  test.each(cases.map((one, number) => ({ number, ...one })))("in case $number", ({ time, a, b, pairs }) => {
    expect(told(compare(spans(a), spans(b), candlesAt(time)))).toEqual(pairs);
  });

  test("in a number of cases that tells something", () => {
    expect(cases).toHaveLength(150);
  });
});

test("a span that lies on no candle is no pair", () => {
  const beside = [{ label: "flag", start_time: 100, end_time: 200 }];
  expect(compare(beside, beside, candlesAt([1, 2, 3]))).toEqual([]);
});

test("many spans that overlap their neighbours are paired one to one", () => {
  const many = Array.from({ length: 20_000 }, (_, at) => ({
    label: "flag",
    start_time: 3 * at,
    end_time: 3 * at + 4,
  }));
  const candles = candlesAt(Array.from({ length: 60_010 }, (_, at) => at));
  expect(compare(many, many, candles)).toHaveLength(20_000);
});

describe("ranges about the same candles", () => {
  const candles = candlesAt([0, 1, 2, 3, 100, 101]);
  const same = (one: [number, number], other: [number, number]) =>
    areAboutTheSame(
      { start_time: one[0], end_time: one[1] },
      { start_time: other[0], end_time: other[1] },
      candles,
    );

  test("share half of what either covers, in candles and not in time", () => {
    expect(same([0, 1], [1, 1])).toBe(true);
    expect(same([2, 100], [100, 101])).toBe(false);
    expect(same([3, 101], [100, 101])).toBe(true);
  });

  test("are on the candles", () => {
    expect(same([50, 60], [50, 60])).toBe(false);
  });
});
