import { expect, test } from "vitest";
import { isProvisional, provisionalFrom } from "@/candleloop/spans/provisional";
import { tens } from "./series";

test("the model's word may change on the newest candles", () => {
  expect(provisionalFrom(tens(5), 2)).toBe(30);
  expect(provisionalFrom(tens(5), 5)).toBe(0);
});

test("with fewer candles than that it may change on all of them", () => {
  expect(provisionalFrom(tens(3), 9)).toBe(0);
});

test("nothing may change where no candle may, or none is there", () => {
  expect(provisionalFrom(tens(5), 0)).toBeNull();
  expect(provisionalFrom([], 3)).toBeNull();
});

test("a span may change if it ends where the word may", () => {
  expect(isProvisional({ start_time: 0, end_time: 30 }, 30)).toBe(true);
  expect(isProvisional({ start_time: 0, end_time: 20 }, 30)).toBe(false);
  expect(isProvisional({ start_time: 0, end_time: 20 }, null)).toBe(false);
});
