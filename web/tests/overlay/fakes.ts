/** A chart of candles ten pixels wide and prices four pixels a unit, and a canvas that records what is drawn on it. */

import type { IChartApi, ISeriesApi, SeriesAttachedParameter, Time } from "lightweight-charts";
import { type OverlaySpan, SpanOverlay } from "@/candleloop/overlay";
import type { Target } from "@/candleloop/overlay/renderer";
import type { Candle } from "@/candleloop/types";

export const SPACING = 10;
export const PANE = { width: 600, height: 400 };
export const AXIS_PX = 30;

/** A hundred candles, a minute each; they cost 40 to 60, at 160 to 240 pixels from above. */
export const CANDLES: readonly Candle[] = Array.from({ length: 100 }, (_, at) => ({
  time: 60 * at,
  open: 45,
  high: 60,
  low: 40,
  close: 55,
}));

/** A person's span over these candles, but for what is given. */
export function spanOver(first: number, last: number, given: Partial<OverlaySpan> = {}): OverlaySpan {
  return {
    key: `${first}-${last}`,
    tag: "Flag",
    hover: [],
    start_time: 60 * first,
    end_time: 60 * last,
    color: "#102030",
    stroke: "solid",
    outline: null,
    provisional_from: null,
    movable: true,
    ...given,
  };
}

type Switches = Record<string, boolean>;

interface Handling {
  handleScroll: Switches;
  handleScale: Switches;
}

/** The chart: its candle 0 is at `left` pixels. */
export class FakeChart {
  left = 5;
  spacing = SPACING;
  updates = 0;
  asked = 0;
  handling: Handling = {
    handleScroll: { mouseWheel: true, pressedMouseMove: true },
    handleScale: { mouseWheel: true, pinch: true },
  };
  readonly listening = new Set<() => void>();

  timeScale() {
    return {
      options: () => ({ barSpacing: this.spacing }),
      getVisibleLogicalRange: () => ({
        from: -this.left / this.spacing,
        to: (PANE.width - this.left) / this.spacing,
      }),
      logicalToCoordinate: (logical: number) => {
        this.asked += 1;
        return this.left + this.spacing * logical;
      },
      coordinateToLogical: (x: number) => (x - this.left) / this.spacing,
      width: () => PANE.width,
      height: () => AXIS_PX,
      subscribeVisibleLogicalRangeChange: (one: () => void) => this.listening.add(one),
      unsubscribeVisibleLogicalRangeChange: (one: () => void) => this.listening.delete(one),
    };
  }

  priceScale() {
    return { width: () => 0 };
  }

  options(): Handling {
    return this.handling;
  }

  /** In place and one by one, as the library does; one switch for all is set for each. */
  applyOptions(options: Partial<Record<keyof Handling, Switches | boolean>>): void {
    for (const part of ["handleScroll", "handleScale"] as const) {
      const given = options[part];
      for (const name of Object.keys(this.handling[part])) {
        if (given !== undefined)
          this.handling[part][name] = typeof given === "boolean" ? given : given[name] === true;
      }
    }
  }

  /** The part of the library's interface that is used; the whole is too large to be written out. */
  get api(): IChartApi {
    return this as unknown as IChartApi;
  }
}

/** An overlay that is attached to the chart and has these spans on the hundred candles. */
export function attached(chart: FakeChart, spans: readonly OverlaySpan[]): SpanOverlay {
  const overlay = new SpanOverlay();
  const series = { priceToCoordinate: (price: number) => 400 - 4 * price };
  overlay.attached({
    chart: chart.api,
    // As with the chart: the part that is used.
    series: series as unknown as ISeriesApi<"Candlestick">,
    requestUpdate: () => {
      chart.updates += 1;
    },
  } as unknown as SeriesAttachedParameter<Time>);
  overlay.setCandles(CANDLES);
  overlay.setSpans(spans);
  return overlay;
}

/** Draws all layers as the library does at each frame. */
export function draw(overlay: SpanOverlay, ratio = 1): Recording {
  const context = new Recording();
  overlay.updateAllViews();
  for (const view of overlay.paneViews()) {
    const renderer = view.renderer();
    context.layer = view.zOrder?.() ?? "normal";
    renderer?.drawBackground?.(targetOn(context, ratio));
    renderer?.draw(targetOn(context, ratio));
  }
  return context;
}

/** The library's canvas; a class with private members, which no object can be without a cast. */
export function targetOn(context: Recording, ratio: number): Target {
  const scope = {
    context,
    horizontalPixelRatio: ratio,
    verticalPixelRatio: ratio,
    mediaSize: PANE,
    bitmapSize: { width: ratio * PANE.width, height: ratio * PANE.height },
  };
  const target = {
    useBitmapCoordinateSpace: (use: (given: typeof scope) => unknown) => use(scope),
    useMediaCoordinateSpace: (use: (given: typeof scope) => unknown) => use(scope),
  };
  return target as unknown as Target;
}

export type Kind = "fillRect" | "strokeRect" | "roundRect" | "moveTo" | "lineTo" | "rect" | "fillText";

export interface Drawn {
  kind: Kind;
  at: number[];
  text: string;
  stroke: string;
  fill: string;
  line: number;
  dash: number[];
  layer: string;
}

/** What a canvas context was asked to draw, with how it was set then. Letters are six pixels wide. */
export class Recording {
  strokeStyle = "";
  fillStyle = "";
  lineWidth = 1;
  globalAlpha = 1;
  font = "";
  textBaseline = "";
  layer = "";
  measured = 0;
  readonly all: Drawn[] = [];
  #dash: number[] = [];

  setLineDash(dash: number[]): void {
    this.#dash = [...dash];
  }

  measureText(text: string): { width: number } {
    this.measured += 1;
    return { width: 6 * text.length };
  }

  fillRect = (...at: number[]) => this.#draw("fillRect", at);
  strokeRect = (...at: number[]) => this.#draw("strokeRect", at);
  roundRect = (...at: number[]) => this.#draw("roundRect", at);
  rect = (...at: number[]) => this.#draw("rect", at);
  moveTo = (...at: number[]) => this.#draw("moveTo", at);
  lineTo = (...at: number[]) => this.#draw("lineTo", at);
  fillText = (text: string, ...at: number[]) => this.#draw("fillText", at, text);
  save(): void {}
  restore(): void {}
  beginPath(): void {}
  clip(): void {}
  fill(): void {}
  stroke(): void {}

  /** All of one kind, in their order. */
  of(kind: Kind): Drawn[] {
    return this.all.filter((one) => one.kind === kind);
  }

  #draw(kind: Kind, at: number[], text = ""): void {
    const { strokeStyle: stroke, fillStyle: fill, lineWidth: line, layer } = this;
    this.all.push({ kind, at, text, stroke, fill, line, layer, dash: [...this.#dash] });
  }
}
