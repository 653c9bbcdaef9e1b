import { describe, expect, test } from "vitest";
import { faded } from "@/candleloop/overlay/colors";
import { attached, draw, FakeChart, PANE, spanOver } from "./fakes";

const COLOR = "#102030";

function borders(strokes: ReturnType<ReturnType<typeof draw>["of"]>) {
  return strokes.filter(({ stroke }) => stroke === COLOR);
}

describe("a border", () => {
  test.each([
    ["solid", []],
    ["dashed", [6, 4]],
    ["dotted", [2, 3]],
  ] as const)("is %s with dashes of %j", (stroke, dash) => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20, { stroke })]));
    expect(borders(drawn.of("strokeRect")).map((one) => one.dash)).toEqual([dash]);
  });

  test("has dashes twice as long on a screen twice as dense", () => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20, { stroke: "dashed" })]), 2);
    expect(drawn.of("strokeRect")[0]?.dash).toEqual([12, 8]);
  });

  test("goes around the candles with room above and below", () => {
    const { at, line } = draw(attached(new FakeChart(), [spanOver(10, 20)])).of("strokeRect")[0] ?? {};
    expect(line).toBe(2);
    expect(at).toEqual([101, 157, 108, 86]);
  });

  test("is thicker when selected", () => {
    const overlay = attached(new FakeChart(), [spanOver(10, 20)]);
    overlay.setSelected("10-20");
    expect(draw(overlay).of("strokeRect")[0]?.line).toBe(3);
  });

  test("is thin around few pixels", () => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 10)]));
    expect(drawn.of("strokeRect")[0]?.line).toBe(1);
  });

  test("lies behind the candles and over the grid, and tags over all", () => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20)]));
    expect(drawn.of("strokeRect")[0]?.layer).toBe("normal");
    expect(drawn.of("fillText")[0]?.layer).toBe("top");
    const boxes = attached(new FakeChart(), []).paneViews()[0]?.renderer();
    expect(boxes?.drawBackground).toBeTypeOf("function");
  });
});

describe("an outline", () => {
  test.each([
    ["orange", "#e8710a"],
    ["yellow", "#d9a800"],
  ] as const)("is %s in the theme's %s, outside of the border and not dashed", (outline, color) => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20, { outline, stroke: "dashed" })]));
    const [around, border] = drawn.of("strokeRect");
    expect(around).toMatchObject({ stroke: color, dash: [] });
    const outer = (at: number[] = [], line = 0) => [(at[0] ?? 0) + line / 2, (at[1] ?? 0) + line / 2];
    const [left, top] = outer(around?.at, around?.line);
    expect(left).toBeLessThan((border?.at[0] ?? 0) - (border?.line ?? 0) / 2);
    expect(top).toBeLessThan((border?.at[1] ?? 0) - (border?.line ?? 0) / 2);
  });

  test("changes its colour with the theme", () => {
    const overlay = attached(new FakeChart(), [spanOver(10, 20, { outline: "orange" })]);
    const outlines = { orange: "#ff0000", yellow: "#00ff00" };
    overlay.setTheme({ background: "#000000", text: "#ffffff", outlines, font: "serif" });
    expect(draw(overlay).of("strokeRect")[0]?.stroke).toBe("#ff0000");
  });

  test("is there for a span of less than three pixels", () => {
    const chart = new FakeChart();
    chart.spacing = 1;
    const drawn = draw(attached(chart, [spanOver(10, 10, { outline: "yellow" })]));
    expect(drawn.of("strokeRect").map(({ stroke }) => stroke)).toEqual(["#d9a800"]);
    expect(drawn.of("fillRect").map(({ fill }) => fill)).toEqual([faded(COLOR, 0.5)]);
  });
});

describe("hatching", () => {
  test("covers only the candles whose word may change", () => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20, { provisional_from: 60 * 15 })]));
    expect(drawn.of("rect").map(({ at }) => at)).toEqual([[150, 156, 60, 88]]);
    expect(drawn.of("moveTo").length).toBeGreaterThan(5);
  });

  test("is a tint where there is no room for strokes", () => {
    const chart = new FakeChart();
    chart.spacing = 2;
    const drawn = draw(attached(chart, [spanOver(10, 20, { provisional_from: 60 * 19 })]));
    expect(drawn.of("moveTo")).toEqual([]);
    const tint = drawn.of("fillRect").filter(({ fill }) => fill === faded(COLOR, 0.3));
    expect(tint.map(({ at }) => [at[0], at[2]])).toEqual([[42, 4]]);
  });

  test("covers all of a span that lies wholly there", () => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20, { provisional_from: 0 })]));
    expect(drawn.of("rect").map(({ at }) => [at[0], at[2]])).toEqual([[100, 110]]);
  });

  test.each([null, 60 * 21])("is none when the word may change from %s", (provisional_from) => {
    const drawn = draw(attached(new FakeChart(), [spanOver(10, 20, { provisional_from })]));
    expect(drawn.of("rect")).toEqual([]);
  });
});

test.each([1, 2, 3])("every edge lies on whole pixels of a screen %i times as dense", (ratio) => {
  const chart = new FakeChart();
  chart.left = 5.37;
  chart.spacing = 7.13;
  const spans = [
    spanOver(10, 20, { outline: "orange", provisional_from: 900 }),
    spanOver(12, 18, { stroke: "dashed" }),
    spanOver(30, 30),
  ];
  const drawn = draw(attached(chart, spans), ratio);
  for (const { at } of [...drawn.of("fillRect"), ...drawn.of("rect")]) {
    expect(at.filter((one) => !Number.isInteger(one))).toEqual([]);
  }
  const rects = drawn.of("strokeRect");
  expect(rects.length).toBe(4);
  for (const { at, line } of rects) {
    const [x = 0, y = 0, width = 0, height = 0] = at;
    const edges = [x - line / 2, y - line / 2, x + width + line / 2, y + height + line / 2];
    expect(edges.filter((one) => !Number.isInteger(one))).toEqual([]);
  }
});

describe("what is not in view", () => {
  const all = Array.from({ length: 20 }, (_, at) => spanOver(5 * at, 5 * at + 3));

  test("is not drawn", () => {
    const chart = new FakeChart();
    chart.left = -300;
    const left = draw(attached(chart, all))
      .of("strokeRect")
      .map(({ at }) => at[0] ?? 0);
    expect(left.length).toBeLessThan(16);
    expect(left.length).toBeGreaterThan(11);
    expect(Math.min(...left)).toBeGreaterThan(-60);
    expect(Math.max(...left)).toBeLessThan(PANE.width + 20);
  });

  test("is not asked for, so that a long history costs no more than a short one", () => {
    const chart = new FakeChart();
    const overlay = attached(chart, all);
    chart.asked = 0;
    overlay.updateAllViews();
    expect(chart.asked).toBeLessThanOrEqual(2 * 14);
  });

  test("is not drawn where a long span has the search begin far before the view", () => {
    const chart = new FakeChart();
    chart.left = -500;
    const drawn = draw(attached(chart, [...all, spanOver(2, 60)]));
    const [first] = drawn.of("strokeRect").map(({ at }) => (at[0] ?? 0) + (at[2] ?? 0));
    expect(drawn.of("strokeRect")).toHaveLength(11);
    expect(first).toBeGreaterThan(-20);
  });

  test("does not hide a long span that reaches into view from far off", () => {
    const chart = new FakeChart();
    chart.left = -500;
    const drawn = draw(attached(chart, [...all, spanOver(1, 99)]));
    expect(drawn.of("strokeRect").some(({ at }) => (at[0] ?? 0) < -400)).toBe(true);
  });
});

describe("handles", () => {
  test("are at both bounds of the selected span, over the candles", () => {
    const overlay = attached(new FakeChart(), [spanOver(10, 20, { tag: "" })]);
    overlay.setSelected("10-20");
    const handles = draw(overlay)
      .of("roundRect")
      .filter(({ at }) => at[2] === 5);
    expect(handles.map(({ at, layer }) => [at[0], layer])).toEqual([
      [98, "top"],
      [208, "top"],
    ]);
  });

  test("are not on what cannot be moved, nor on what is not selected", () => {
    const overlay = attached(new FakeChart(), [spanOver(10, 20, { movable: false }), spanOver(30, 40)]);
    overlay.setSelected("10-20");
    const handles = draw(overlay)
      .of("roundRect")
      .filter(({ at }) => at[2] === 5);
    expect(handles).toEqual([]);
  });
});

test("nothing is measured twice from frame to frame", () => {
  const overlay = attached(new FakeChart(), [spanOver(10, 20), spanOver(30, 40)]);
  expect(draw(overlay).measured).toBe(1);
  expect(draw(overlay).measured).toBe(0);
});

test("an overlay that is detached draws nothing", () => {
  const overlay = attached(new FakeChart(), [spanOver(10, 20)]);
  overlay.detached();
  expect(draw(overlay).all).toEqual([]);
});

test("the price scale makes room for the spans that are in view", () => {
  const overlay = attached(new FakeChart(), [spanOver(10, 20)]);
  const info = (from: number, to: number) => overlay.autoscaleInfo(...logicals(from, to));
  expect(info(15, 18)?.priceRange).toEqual({ minValue: 40, maxValue: 60 });
  expect(info(20, 30)?.margins?.above).toBeGreaterThan(20);
  expect(info(21, 30)).toBeNull();
  expect(info(0, 9)).toBeNull();
});

type Logicals = Parameters<ReturnType<typeof attached>["autoscaleInfo"]>;

/** The library's logical numbers are a branded number. */
function logicals(from: number, to: number): Logicals {
  return [from, to] as unknown as Logicals;
}
