import { describe, expect, test } from "vitest";
import type { Box } from "@/candleloop/overlay/boxes";
import { placedTags, TAG_PX, type Tag, type TagRules } from "@/candleloop/overlay/tags";
import { spanOver } from "./fakes";

const RULES: TagRules = {
  widthOf: (text) => 6 * text.length,
  selected: null,
  paneWidth: 800,
  candlesBetween: () => null,
};

function box(
  left: number,
  right: number,
  given: Parameters<typeof spanOver>[2] & { top?: number } = {},
): Box {
  const { top = 200, ...span } = given;
  const mark = {
    span: spanOver(left, right, span),
    first: 0,
    last: 1,
    low: 0,
    high: 1,
    hatched: null,
    lane: 0,
  };
  return { mark, left, right, top, bottom: top + 100, hatched: null };
}

function meeting(tags: readonly Tag[]): [Tag, Tag][] {
  return tags.flatMap((one, at) =>
    tags
      .slice(at + 1)
      .filter(
        (other) =>
          Math.abs(one.top - other.top) < TAG_PX &&
          one.left < other.left + other.width &&
          other.left < one.left + one.width,
      )
      .map((other): [Tag, Tag] => [one, other]),
  );
}

test("no two tags overlap, however many boxes there are", () => {
  for (const count of [12, 25, 26, 200]) {
    const boxes = Array.from({ length: count }, (_, at) =>
      box((at * 37) % 700, ((at * 37) % 700) + 40 + (at % 5) * 20, {
        top: 150 + ((at * 53) % 120),
        stroke: at % 2 === 0 ? "solid" : "dashed",
        outline: at % 3 === 0 ? "orange" : null,
      }),
    );
    const tags = placedTags(boxes, RULES);
    expect(meeting(tags)).toEqual([]);
    expect(tags.length).toBeGreaterThan(8);
  }
});

describe("a tag stands", () => {
  test("below its box for people and above it for the model and for TA-Lib", () => {
    const tops = (["solid", "dashed", "dotted"] as const).map(
      (stroke) => placedTags([box(100, 200, { stroke })], RULES)[0]?.top ?? 0,
    );
    expect(tops).toEqual([302, 182, 182]);
  });

  test("clear of the outline", () => {
    const [tag] = placedTags([box(100, 200, { stroke: "dashed", outline: "orange" })], RULES);
    expect((tag?.top ?? 0) + TAG_PX).toBeLessThanOrEqual(200 - 4);
  });

  test("at the box's start", () => {
    expect(placedTags([box(100, 200)], RULES)[0]?.left).toBe(100);
  });

  test("on the pane where its box begins before it or ends after it", () => {
    expect(placedTags([box(-300, 90)], RULES)[0]?.left).toBe(2);
    const [last] = placedTags([box(790, 900, { tag: "Head and shoulders" })], RULES);
    expect((last?.left ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(800);
  });

  test("on the other side where candles would be under it", () => {
    const candlesBetween = () => ({ top: 150, bottom: 290 });
    const [tag] = placedTags([box(100, 200, { stroke: "dashed" })], { ...RULES, candlesBetween });
    expect(tag?.top).toBe(305 - 3);
  });

  test("up to the box's end where candles are under it at the start alone", () => {
    const candlesBetween = (left: number) => (left < 150 ? { top: 0, bottom: 400 } : null);
    const [tag] = placedTags([box(100, 200, { stroke: "dashed" })], { ...RULES, candlesBetween });
    expect(tag).toMatchObject({ top: 182, left: 200 - (tag?.width ?? 0) });
  });

  test("over candles rather than nowhere", () => {
    const candlesBetween = () => ({ top: 0, bottom: 800 });
    expect(placedTags([box(100, 200)], { ...RULES, candlesBetween })).toHaveLength(1);
  });

  test("never over the legend in the corner above", () => {
    const tags = placedTags([box(100, 200, { top: 20, stroke: "dashed" })], RULES);
    expect(tags.every(({ top }) => top > 26)).toBe(true);
  });
});

test("with many boxes those much narrower than their tag go without, but for the selected one", () => {
  const boxes = Array.from({ length: 40 }, (_, at) => box(20 * at, 20 * at + 4, { key: `n${at}` }));
  expect(placedTags(boxes, RULES)).toEqual([]);
  const tags = placedTags(boxes, { ...RULES, selected: "n7" });
  expect(tags.map(({ box: { mark } }) => mark.span.key)).toEqual(["n7"]);
});

test("the selected one finds its place before the others", () => {
  const boxes = ["a", "b", "c"].map((key) => box(100, 200, { key }));
  for (const key of ["a", "b", "c"]) {
    const tags = placedTags(boxes, { ...RULES, selected: key });
    expect(tags.find(({ top }) => top === 302)?.box.mark.span.key).toBe(key);
  }
});
