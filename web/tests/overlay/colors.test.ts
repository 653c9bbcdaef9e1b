import { expect, test } from "vitest";
import { faded, readableOn } from "@/candleloop/overlay/colors";

test("a colour is faded to each opacity that is asked for", () => {
  expect(faded("#102030", 0.5)).toBe("rgba(16,32,48,0.5)");
  expect(faded("#102030", 0.2)).toBe("rgba(16,32,48,0.2)");
  expect(faded("#ffffff", 0.5)).toBe("rgba(255,255,255,0.5)");
});

test("what is no colour of six digits is grey", () => {
  expect(faded("red", 1)).toBe("rgba(128,128,128,1)");
});

test("text on a colour is dark on light and light on dark", () => {
  expect(readableOn("#ffe680")).toBe("#14181d");
  expect(readableOn("#1f3a5f")).toBe("#ffffff");
});
