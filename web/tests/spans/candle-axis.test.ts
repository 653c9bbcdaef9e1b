import { describe, expect, test } from "vitest";
import { extentOf, indexAt, nearestCandle, snappedRange } from "@/candleloop/spans/candle-axis";
import { candlesAt } from "./series";

const candles = candlesAt([10, 20, 30, 60, 70]);

test.each([
  [9, -1],
  [10, 0],
  [19, 0],
  [59, 2],
  [70, 4],
  [1e9, 4],
])("at %i the last candle that has opened is number %i", (time, number) => {
  expect(indexAt(candles, time)).toBe(number);
});

describe("the extent of a range", () => {
  test.each([
    [20, 60, { first: 1, last: 3 }],
    [30, 30, { first: 2, last: 2 }],
    [15, 65, { first: 1, last: 3 }],
    [0, 10, { first: 0, last: 0 }],
    [60, 900, { first: 3, last: 4 }],
    [0, 900, { first: 0, last: 4 }],
  ])("from %i to %i holds the candles that open within", (start_time, end_time, extent) => {
    expect(extentOf(candles, { start_time, end_time })).toEqual(extent);
  });

  test.each([
    [0, 9],
    [71, 99],
    [31, 59],
    [60, 20],
  ])("from %i to %i holds none", (start_time, end_time) => {
    expect(extentOf(candles, { start_time, end_time })).toBeNull();
  });

  test("holds none without candles", () => {
    expect(extentOf([], { start_time: 0, end_time: 99 })).toBeNull();
  });
});

test.each([
  [-7.2, 0],
  [-0.4, 0],
  [1.49, 1],
  [1.5, 2],
  [4.4, 4],
  [312, 4],
])("place %d on the logical axis is at candle %i", (logical, number) => {
  expect(nearestCandle(candles, logical)).toBe(number);
});

test("there is no nearest candle without candles or a place", () => {
  expect(nearestCandle([], 1)).toBeNull();
  expect(nearestCandle(candles, Number.NaN)).toBeNull();
});

describe("a range between two places", () => {
  test("ends on the opens of candles", () => {
    expect(snappedRange(candles, 0.8, 3.3)).toEqual({ start_time: 20, end_time: 60 });
  });

  test("is the same in either order", () => {
    expect(snappedRange(candles, 3.3, 0.8)).toEqual(snappedRange(candles, 0.8, 3.3));
  });

  test("stays within the candles", () => {
    expect(snappedRange(candles, -40, 400)).toEqual({ start_time: 10, end_time: 70 });
  });

  test("can be of one candle", () => {
    expect(snappedRange(candles, 1.9, 2.1)).toEqual({ start_time: 30, end_time: 30 });
  });

  test("is none without candles", () => {
    expect(snappedRange([], 0, 1)).toBeNull();
    expect(snappedRange(candles, Number.NaN, 1)).toBeNull();
  });
});
