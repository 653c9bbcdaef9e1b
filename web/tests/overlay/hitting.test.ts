import { describe, expect, test } from "vitest";
import { hitAt } from "@/candleloop/overlay/hitting";
import { attached, draw, FakeChart, spanOver } from "./fakes";

/** Boxes of `10-40` and `20-25` on the hundred candles: candle n is at 5 + 10n pixels, prices at 160 to 240. */
function overlay(selected: string | null = null) {
  const made = attached(new FakeChart(), [
    spanOver(10, 40),
    spanOver(20, 25),
    spanOver(60, 70, { movable: false }),
  ]);
  made.setSelected(selected);
  draw(made);
  return made;
}

describe("under the pointer", () => {
  test("is nothing beside the spans", () => {
    expect(overlay().at(50, 200)).toBeNull();
    expect(overlay().at(150, 30)).toBeNull();
  });

  test("is the span whose box it is in", () => {
    expect(overlay().at(150, 200)).toEqual({ key: "10-40", part: "body" });
  });

  test("is the shortest of those that lie there", () => {
    expect(overlay().at(230, 200)).toEqual({ key: "20-25", part: "body" });
  });

  test("is the topmost of spans of equal length", () => {
    const made = attached(new FakeChart(), [spanOver(10, 20, { key: "a" }), spanOver(10, 20, { key: "b" })]);
    draw(made);
    expect(made.at(150, 200)?.key).toBe("b");
  });

  test("is a span just beside its border too, as a hand is not exact", () => {
    expect(overlay().at(97, 200)?.key).toBe("10-40");
  });
});

describe("a bound of the selected span", () => {
  test.each([
    [100, "start"],
    [104, "start"],
    [410, "end"],
    [415, "end"],
  ])("is taken at %i pixels as its %s", (x, part) => {
    expect(overlay("10-40").at(x, 200)).toEqual({ key: "10-40", part });
  });

  test("comes before a shorter span that lies there", () => {
    const made = attached(new FakeChart(), [spanOver(10, 40), spanOver(8, 11)]);
    draw(made);
    expect(made.at(102, 200)?.key).toBe("8-11");
    made.setSelected("10-40");
    draw(made);
    expect(made.at(102, 200)).toEqual({ key: "10-40", part: "start" });
  });

  test("is none where the span cannot be moved", () => {
    expect(overlay("60-70").at(600, 200)?.part).toBe("body");
  });

  test("is none of a span that is not selected", () => {
    expect(overlay().at(100, 200)?.part).toBe("body");
  });

  test("is the nearer one of a span of one candle", () => {
    const made = attached(new FakeChart(), [spanOver(10, 10)]);
    made.setSelected("10-10");
    draw(made);
    expect([101, 109].map((x) => made.at(x, 200)?.part)).toEqual(["start", "end"]);
  });
});

test("a tag is the span that it names, also over a shorter one", () => {
  const made = attached(new FakeChart(), [spanOver(10, 40), spanOver(20, 25)]);
  const tags = draw(made).of("fillText");
  expect(tags).toHaveLength(2);
  for (const { at } of tags) {
    const hit = made.at((at[0] ?? 0) + 4, at[1] ?? 0);
    expect(hit?.part).toBe("tag");
  }
  const box = {
    mark: { span: spanOver(10, 40), first: 10, last: 40, low: 0, high: 1, hatched: null, lane: 0 },
  };
  const short = { mark: { ...box.mark, span: spanOver(11, 12), first: 11, last: 12 } };
  const at = { left: 0, right: 100, top: 0, bottom: 100, hatched: null };
  const drawn = {
    boxes: [
      { ...box, ...at },
      { ...short, ...at },
    ],
    tags: [{ box: { ...box, ...at }, left: 10, top: 10, width: 40 }],
    selected: null,
  };
  expect(hitAt(drawn, 20, 20)).toEqual({ key: "10-40", part: "tag" });
  expect(hitAt(drawn, 80, 20)?.key).toBe("11-12");
});

test("the library is told the key and a cursor that says what can be done", () => {
  expect(overlay("10-40").hitTest(100, 200)).toMatchObject({ cursorStyle: "ew-resize", externalId: "10-40" });
  expect(overlay().hitTest(150, 200)).toMatchObject({ cursorStyle: "pointer" });
  expect(overlay().hitTest(50, 200)).toBeNull();
});

test("what has not changed is not drawn anew", () => {
  const chart = new FakeChart();
  const made = attached(chart, [spanOver(10, 20)]);
  chart.updates = 0;
  made.setHovered("10-20");
  made.setHovered("10-20");
  made.setSelected(null);
  expect(chart.updates).toBe(1);
});
