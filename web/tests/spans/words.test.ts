import { expect, test } from "vitest";
import { labelWords } from "@/candleloop/spans/label-words";
import { confidenceWords, minuteOf, rangeWords } from "@/candleloop/spans/words";

test.each([
  [1, "1.00"],
  [0.99999, "0.99"],
  [0.995, "0.99"],
  [0.7, "0.70"],
  [0.29, "0.29"],
  [0.57, "0.57"],
  [0, "0.00"],
])("a confidence of %d reads %s: nothing is rounded up to certainty", (confidence, words) => {
  expect(confidenceWords(confidence)).toBe(words);
});

test("a confidence just under certainty is not certain, however near", () => {
  expect(confidenceWords(1 - 1e-10)).toBe("0.99");
});

test("every confidence of two decimals reads as itself", () => {
  const all = Array.from({ length: 101 }, (_, at) => at / 100);
  expect(all.map(confidenceWords)).toEqual(all.map((one) => one.toFixed(2)));
});

test("labels are read as words", () => {
  expect(labelWords("bull_flag")).toBe("Bull flag");
  expect(labelWords("head_and_shoulders")).toBe("Head and shoulders");
  expect(labelWords("")).toBe("");
});

test("times are told to the minute, in UTC", () => {
  expect(minuteOf(Date.UTC(2024, 1, 29, 23, 59) / 1000)).toBe("2024-02-29 23:59");
});

test("a range tells its day once where it has one, and one candle its time once", () => {
  const at = (day: number, hour: number) => Date.UTC(2024, 4, day, hour) / 1000;
  expect(rangeWords({ start_time: at(2, 3), end_time: at(2, 9) })).toBe("2024-05-02 03:00 – 09:00");
  expect(rangeWords({ start_time: at(2, 3), end_time: at(3, 9) })).toBe(
    "2024-05-02 03:00 – 2024-05-03 09:00",
  );
  expect(rangeWords({ start_time: at(2, 3), end_time: at(2, 3) })).toBe("2024-05-02 03:00");
});
