import { expect, test } from "vitest";
import { visibleBoxes } from "@/candleloop/overlay/boxes";
import { firstFrom, type Mark, marksOf } from "@/candleloop/overlay/marks";
import { CANDLES, spanOver } from "./fakes";

function overlap(one: Mark, other: Mark): boolean {
  return one.first <= other.last && other.first <= one.last;
}

test("no two spans over the same candles share a lane", () => {
  const spans = [
    spanOver(0, 9),
    spanOver(5, 14),
    spanOver(9, 20),
    spanOver(30, 60),
    spanOver(35, 40),
    spanOver(36, 38),
  ];
  const marks = marksOf(spans, CANDLES);
  for (const one of marks) {
    const beside = marks.filter((other) => other !== one && overlap(one, other));
    expect(beside.map(({ lane }) => lane)).not.toContain(one.lane);
  }
});

test("shorter spans have the inner lanes", () => {
  const marks = marksOf([spanOver(10, 40), spanOver(15, 30), spanOver(20, 22)], CANDLES);
  expect(marks.map(({ span, lane }) => [span.key, lane])).toEqual([
    ["10-40", 2],
    ["15-30", 1],
    ["20-22", 0],
  ]);
});

test("a lane is used again where it is free", () => {
  const marks = marksOf([spanOver(0, 9), spanOver(10, 19), spanOver(20, 29)], CANDLES);
  expect(marks.map(({ lane }) => lane)).toEqual([0, 0, 0]);
});

test("with more spans over one candle than lanes, the outermost holds the rest", () => {
  const marks = marksOf(
    Array.from({ length: 9 }, (_, at) => spanOver(20, 30 + at)),
    CANDLES,
  );
  expect(marks.map(({ lane }) => lane).sort()).toEqual([0, 1, 2, 3, 4, 5, 5, 5, 5]);
});

test("the outer of two boxes with one bound encloses the inner, so that their borders are two", () => {
  const marks = marksOf([spanOver(10, 40), spanOver(30, 40)], CANDLES);
  const scales = {
    visible: { from: 0, to: 100 },
    barSpacing: 10,
    x: (logical: number) => 10 * logical,
    y: (price: number) => -price,
  };
  const [outer, inner] = visibleBoxes(marks, 31, scales);
  expect(inner?.mark.span.key).toBe("30-40");
  expect(outer?.right).toBeGreaterThan((inner?.right ?? 0) + 1);
  expect(outer?.top).toBeLessThan((inner?.top ?? 0) - 1);
  expect(outer?.bottom).toBeGreaterThan((inner?.bottom ?? 0) + 1);
});

test("marks know their candles, prices and where they are hatched", () => {
  expect(marksOf([spanOver(3, 7, { provisional_from: 60 * 5 })], CANDLES)).toMatchObject([
    { first: 3, last: 7, low: 40, high: 60, hatched: 5, lane: 0 },
  ]);
});

test("spans off the candles are no marks, and the others keep what lies on them", () => {
  expect(marksOf([spanOver(200, 210)], CANDLES)).toEqual([]);
  expect(marksOf([spanOver(95, 210)], CANDLES)).toMatchObject([{ first: 95, last: 99 }]);
});

test("marks come by their first candle, and are found by it", () => {
  const marks = marksOf([spanOver(50, 60), spanOver(10, 90), spanOver(30, 31)], CANDLES);
  expect(marks.map(({ first }) => first)).toEqual([10, 30, 50]);
  expect([9, 10, 11, 30, 51].map((first) => firstFrom(marks, first))).toEqual([0, 0, 1, 1, 3]);
});

test("a fresh range of candles without a visible range has no boxes", () => {
  const scales = { visible: null, barSpacing: 10, x: () => 0, y: () => 0 };
  expect(visibleBoxes(marksOf([spanOver(1, 2)], CANDLES), 2, scales)).toEqual([]);
});
