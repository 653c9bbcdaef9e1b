/** What the overlay is measured against: a primitive a span that draws itself whether it is visible or not. */

import type {
  IPrimitivePaneView,
  ISeriesPrimitive,
  SeriesAttachedParameter,
  Time,
  UTCTimestamp,
} from "lightweight-charts";
import type { OverlaySpan } from "@/candleloop/overlay";
import { extentOf } from "@/candleloop/spans/candle-axis";
import type { Candle } from "@/candleloop/types";

export class PlainSpan implements ISeriesPrimitive<Time> {
  readonly #span: OverlaySpan;
  readonly #low: number;
  readonly #high: number;
  #at: SeriesAttachedParameter<Time> | null = null;
  #box: number[] | null = null;

  constructor(span: OverlaySpan, candles: readonly Candle[]) {
    const extent = extentOf(candles, span) ?? { first: 0, last: 0 };
    const part = candles.slice(extent.first, extent.last + 1);
    this.#span = span;
    this.#low = Math.min(...part.map(({ low }) => low));
    this.#high = Math.max(...part.map(({ high }) => high));
  }

  attached(at: SeriesAttachedParameter<Time>): void {
    this.#at = at;
  }

  updateAllViews(): void {
    if (this.#at === null) return;
    const { chart, series } = this.#at;
    const scale = chart.timeScale();
    // The library's times are a branded number.
    const [start, end] = [this.#span.start_time, this.#span.end_time].map((time) =>
      scale.timeToCoordinate(time as UTCTimestamp),
    );
    const [top, bottom] = [series.priceToCoordinate(this.#high), series.priceToCoordinate(this.#low)];
    const half = scale.options().barSpacing / 2;
    const isThere = typeof start === "number" && typeof end === "number" && top !== null && bottom !== null;
    this.#box = isThere ? [start - half, top - 4, end + half, bottom + 4] : null;
  }

  paneViews(): IPrimitivePaneView[] {
    return [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.#draw(target) }) }];
  }

  #draw(target: DrawTarget): void {
    target.useMediaCoordinateSpace(({ context }) => {
      if (this.#box === null) return;
      const [left = 0, top = 0, right = 0, bottom = 0] = this.#box;
      const { color, tag, stroke } = this.#span;
      context.fillStyle = `${color}14`;
      context.fillRect(left, top, right - left, bottom - top);
      context.strokeStyle = color;
      context.setLineDash(stroke === "dashed" ? [6, 4] : []);
      context.strokeRect(left, top, right - left, bottom - top);
      context.font = "500 11px system-ui, sans-serif";
      context.fillStyle = color;
      context.fillText(tag, left, top - 3);
    });
  }
}

type DrawTarget = Parameters<NonNullable<ReturnType<IPrimitivePaneView["renderer"]>>["draw"]>[0];
