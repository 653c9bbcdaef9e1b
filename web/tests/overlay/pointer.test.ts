// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ChartPointer, type SpanOverlay } from "@/candleloop/overlay";
import { attached, draw, FakeChart, PANE, spanOver } from "./fakes";

/** What the pointer told, in its order. */
type Told = (string | number | boolean | null | { start_time: number; end_time: number })[];

let chart: FakeChart;
let overlay: SpanOverlay;
let pointer: ChartPointer;
let element: HTMLDivElement;
let told: Told[];
let end: () => void;

beforeEach(() => {
  chart = new FakeChart();
  overlay = attached(chart, [spanOver(10, 20), spanOver(30, 40)]);
  overlay.setSelected("10-20");
  draw(overlay);
  element = document.createElement("div");
  Object.defineProperty(element, "clientHeight", { value: PANE.height });
  document.body.append(element);
  told = [];
  pointer = new ChartPointer(element, chart.api, overlay, {
    onPick: (key, { dismiss }) => told.push(["pick", key, dismiss]),
    onHover: (hit, x, y) => told.push(["hover", hit?.key ?? null, x, y]),
    onMoved: (key, range) => told.push(["moved", key, range]),
    onPlaced: (range) => told.push(["placed", range]),
    onGivenUp: () => told.push(["given up"]),
  });
  end = pointer.listen();
});

afterEach(() => {
  end();
  element.remove();
});

function send(type: string, x: number, y = 200, more: PointerEventInit = {}): void {
  element.dispatchEvent(
    new PointerEvent(type, { clientX: x, clientY: y, button: 0, bubbles: true, ...more }),
  );
}

function click(x: number, y = 200, more: PointerEventInit = {}): void {
  send("pointerdown", x, y, more);
  send("pointerup", x, y, more);
}

function pressEscape(): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });
  window.dispatchEvent(event);
  return event;
}

function bounds(key: string): number[] {
  const { start_time, end_time } = overlay.span(key) ?? spanOver(-1, -1);
  return [start_time / 60, end_time / 60];
}

function range(first: number, last: number) {
  return { start_time: 60 * first, end_time: 60 * last };
}

describe("a click", () => {
  test("picks the span under it", () => {
    click(350);
    expect(told).toEqual([["pick", "30-40", false]]);
  });

  test("beside all spans picks none", () => {
    click(250);
    expect(told).toEqual([["pick", null, false]]);
  });

  test.each(["altKey", "ctrlKey", "metaKey"])("with %s dismisses", (key) => {
    click(350, 200, { [key]: true });
    expect(told).toEqual([["pick", "30-40", true]]);
  });

  test("whose hand moved by four pixels is one still", () => {
    send("pointerdown", 350);
    send("pointerup", 354);
    expect(told).toEqual([["pick", "30-40", false]]);
  });

  test("whose hand moved farther is none: the chart was panned", () => {
    send("pointerdown", 350);
    send("pointerup", 355);
    expect(told).toEqual([]);
  });

  test("with another button is none", () => {
    click(350, 200, { button: 2 });
    expect(told).toEqual([]);
  });

  test("on the time axis is none", () => {
    click(350, PANE.height - 10);
    expect(told).toEqual([]);
  });

  test("is none after the pointer has ended to listen", () => {
    end();
    click(350);
    expect(told).toEqual([]);
  });
});

describe("moving the pointer", () => {
  test("tells what is under it and where that is", () => {
    send("pointermove", 350, 210);
    send("pointermove", 250);
    expect(told).toEqual([
      ["hover", "30-40", 350, 210],
      ["hover", null, 250, 200],
    ]);
  });

  test("off the chart tells that nothing is", () => {
    element.dispatchEvent(new PointerEvent("pointerleave"));
    expect(told).toEqual([["hover", null, 0, 0]]);
  });
});

/** What was told, apart from what lies under the pointer. */
function deeds() {
  return told.filter(([what]) => what !== "hover");
}

describe("dragging a bound of the selected span", () => {
  test("snaps to candles and tells once, when let go", () => {
    send("pointerdown", 210);
    send("pointermove", 264);
    expect(bounds("10-20")).toEqual([10, 25]);
    send("pointermove", 266);
    expect(bounds("10-20")).toEqual([10, 26]);
    expect(deeds()).toEqual([]);
    send("pointerup", 266);
    expect(deeds()).toEqual([["moved", "10-20", range(10, 26)]]);
  });

  test("moves the start as well", () => {
    send("pointerdown", 100);
    send("pointermove", 53);
    send("pointerup", 53);
    expect(deeds()).toEqual([["moved", "10-20", range(5, 20)]]);
  });

  test("does not cross the other bound", () => {
    send("pointerdown", 100);
    send("pointermove", 500);
    expect(bounds("10-20")).toEqual([20, 20]);
    send("pointerup", 500);
    expect(deeds()).toEqual([["moved", "10-20", range(20, 20)]]);
  });

  test("does not leave the candles", () => {
    send("pointerdown", 100);
    send("pointermove", -4000);
    expect(bounds("10-20")).toEqual([0, 20]);
  });

  test("back to where it was moves nothing", () => {
    send("pointerdown", 210);
    send("pointermove", 300);
    send("pointermove", 206);
    send("pointerup", 206);
    expect(deeds()).toEqual([["pick", "10-20", false]]);
  });

  test("by nothing at all is a click on its span", () => {
    click(210, 200, { altKey: true });
    expect(deeds()).toEqual([["pick", "10-20", true]]);
  });

  test("leaves it where it is until the pointer has moved by half a candle", () => {
    send("pointerdown", 214);
    send("pointermove", 218);
    expect(bounds("10-20")).toEqual([10, 20]);
    send("pointermove", 220);
    send("pointerup", 220);
    expect(deeds()).toEqual([["moved", "10-20", range(10, 21)]]);
  });

  test("is given up by Escape, which puts the span back and goes no further", () => {
    send("pointerdown", 210);
    send("pointermove", 300);
    const event = pressEscape();
    expect(bounds("10-20")).toEqual([10, 20]);
    expect(event.defaultPrevented).toBe(true);
    send("pointerup", 300);
    expect(deeds()).toEqual([["given up"]]);
  });

  test("is given up where the system takes the pointer away", () => {
    send("pointerdown", 210);
    send("pointermove", 300);
    send("pointercancel", 300);
    expect(bounds("10-20")).toEqual([10, 20]);
    send("pointerup", 300);
    expect(deeds()).toEqual([]);
  });

  test("does not move spans that are not selected", () => {
    send("pointerdown", 300);
    send("pointermove", 340);
    expect(bounds("30-40")).toEqual([30, 40]);
  });
});

describe("the chart's own panning and zooming", () => {
  const off = {
    handleScroll: { mouseWheel: false, pressedMouseMove: false },
    handleScale: { mouseWheel: false, pinch: false },
  };
  const on = {
    handleScroll: { mouseWheel: true, pressedMouseMove: true },
    handleScale: { mouseWheel: true, pinch: true },
  };

  test("rests while a bound is dragged and goes on after", () => {
    send("pointerdown", 210);
    expect(chart.handling).toEqual(off);
    send("pointerup", 210);
    expect(chart.handling).toEqual(on);
  });

  test.each(["pointerup", "pointercancel", "Escape", "end"])("is what the host set it to after %s", (how) => {
    const host = { handleScroll: off.handleScroll, handleScale: { mouseWheel: true, pinch: false } };
    chart.handling = structuredClone(host);
    send("pointerdown", 210);
    send("pointermove", 280);
    expect(chart.handling).toEqual(off);
    if (how === "Escape") pressEscape();
    else if (how === "end") end();
    else send(how, 280);
    expect(chart.handling).toEqual(host);
  });

  test("is left alone by a click", () => {
    click(350);
    expect(chart.handling).toEqual(on);
  });
});

describe("placing", () => {
  beforeEach(() => {
    pointer.placing = true;
  });

  test("two clicks mark the candles between them", () => {
    click(503);
    expect(told).toEqual([]);
    click(551);
    expect(told).toEqual([["placed", range(50, 55)]]);
  });

  test("from right to left marks the same", () => {
    click(551);
    click(503);
    expect(told).toEqual([["placed", range(50, 55)]]);
  });

  test("twice on one candle marks that candle", () => {
    click(504);
    click(506);
    expect(told).toEqual([["placed", range(50, 50)]]);
  });

  test("shows a band over the candles, and says how many", () => {
    const band = element.querySelector<HTMLElement>("[data-placing-band]");
    expect(band?.hidden).toBe(true);
    send("pointermove", 503);
    expect(band?.textContent).toBe("Click its first candle");
    click(503);
    send("pointermove", 551);
    expect(band?.hidden).toBe(false);
    expect(band?.textContent).toBe("6 candles");
    expect([band?.style.left, band?.style.width]).toEqual(["500px", "60px"]);
    click(551);
    expect(band?.hidden).toBe(true);
  });

  test("panning between the clicks keeps the first candle", () => {
    click(503);
    chart.left -= 200;
    for (const one of chart.listening) one();
    click(351);
    expect(told).toEqual([["placed", range(50, 55)]]);
  });

  test("does not pick or drag what lies there", () => {
    click(210);
    click(350);
    expect(told).toEqual([["placed", range(21, 35)]]);
    expect(bounds("10-20")).toEqual([10, 20]);
  });

  test("is given up by Escape after the first click; the next click is a first one", () => {
    click(503);
    pressEscape();
    expect(told).toEqual([["given up"]]);
    click(551);
    expect(told).toEqual([["given up"]]);
  });

  test("switched off after the first click marks nothing", () => {
    click(503);
    pointer.placing = false;
    click(551);
    expect(told).toEqual([["pick", null, false]]);
  });
});

test("Escape is left to the page while nothing is dragged or marked", () => {
  expect(pressEscape().defaultPrevented).toBe(false);
  expect(told).toEqual([]);
});

test("nothing of the pointer stays behind when it ends", () => {
  end();
  expect(element.children).toHaveLength(0);
  expect(chart.listening.size).toBe(0);
});
