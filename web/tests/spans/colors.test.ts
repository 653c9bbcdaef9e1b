import { expect, test } from "vitest";
import { colorOf } from "@/candleloop/spans/colors";

test("a label has the service's colour where that names one", () => {
  expect(colorOf("flag", new Map([["flag", "#010203"]]))).toBe("#010203");
});

test("another label's colour depends on its name alone", () => {
  expect(colorOf("wedge", new Map())).toBe(colorOf("wedge", new Map([["flag", "#010203"]])));
  expect(colorOf("wedge", new Map())).toMatch(/^#[0-9a-f]{6}$/);
});

test("labels in use differ in colour more often than not", () => {
  const labels = ["bull_flag", "bear_flag", "wedge", "double_top", "double_bottom", "head_and_shoulders"];
  expect(new Set(labels.map((label) => colorOf(label, new Map()))).size).toBeGreaterThan(3);
});

test("a name of any letters has a colour", () => {
  for (const label of ["", "楔形", "💹"]) expect(colorOf(label, new Map())).toMatch(/^#[0-9a-f]{6}$/);
});
