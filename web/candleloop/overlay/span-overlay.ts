/** Spans on the candles of a series: a primitive of lightweight-charts, attached by `series.attachPrimitive`. */

import type {
  AutoscaleInfo,
  IChartApiBase,
  IPrimitivePaneView,
  ISeriesApi,
  ISeriesPrimitive,
  Logical,
  PrimitiveHoveredItem,
  SeriesAttachedParameter,
  SeriesType,
  Time,
} from "lightweight-charts";
import type { Extent } from "../spans/candle-axis";
import type { Candle } from "../types";
import { type Box, type Scales, visibleBoxes } from "./boxes";
import { hitAt } from "./hitting";
import { lowHigh, type Mark, marksOf, pricesOf } from "./marks";
import type { Hit, OverlaySpan, OverlayTheme } from "./model";
import { PaneView } from "./pane-view";
import { type Drawing, drawBoxes, drawHandles, drawTags, fontOf, type Target } from "./renderer";
import { placedTags, type Tag } from "./tags";

const LIGHT: OverlayTheme = {
  background: "#ffffff",
  text: "#1d2733",
  outlines: { orange: "#e8710a", yellow: "#d9a800" },
  font: "system-ui, sans-serif",
};
/** So much room tags need above and below the candles, in pixels. */
const MARGINS = { above: 52, below: 44 };

export class SpanOverlay implements ISeriesPrimitive<Time> {
  #chart: IChartApiBase<Time> | null = null;
  #series: ISeriesApi<SeriesType, Time> | null = null;
  #requestUpdate: () => void = () => {};
  #candles: readonly Candle[] = [];
  #spans: readonly OverlaySpan[] = [];
  #marks: readonly Mark[] = [];
  #longest = 0;
  #boxes: readonly Box[] = [];
  #tags: readonly Tag[] | null = null;
  readonly #widths = new Map<string, number>();
  #theme = LIGHT;
  #selected: string | null = null;
  #hovered: string | null = null;
  readonly #views = [
    new PaneView("behind", (target) => drawBoxes(target, this.#drawing())),
    new PaneView("over", (target) => {
      drawHandles(target, this.#drawing());
      drawTags(target, this.#placed(target), this.#drawing());
    }),
  ];

  attached({ chart, series, requestUpdate }: SeriesAttachedParameter<Time>): void {
    this.#chart = chart;
    this.#series = series;
    this.#requestUpdate = requestUpdate;
  }

  detached(): void {
    this.#chart = null;
    this.#series = null;
    this.#requestUpdate = () => {};
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  updateAllViews(): void {
    this.#boxes = visibleBoxes(this.#marks, this.#longest, this.#scales());
    this.#tags = null;
  }

  /** Room for tags: a primitive does not stretch the price scale by itself. */
  autoscaleInfo(from: Logical, to: Logical): AutoscaleInfo | null {
    const priceRange = pricesOf(this.#marks, { longest: this.#longest, from, to });
    return priceRange === null ? null : { priceRange, margins: MARGINS };
  }

  /** What the library asks under the pointer; `externalId` is the span's key. */
  hitTest(x: number, y: number): PrimitiveHoveredItem | null {
    const hit = this.at(x, y);
    if (hit === null) return null;
    const isEdge = hit.part === "start" || hit.part === "end";
    return { cursorStyle: isEdge ? "ew-resize" : "pointer", externalId: hit.key, zOrder: "top" };
  }

  /** The span under a point of the pane, in pixels: a bound of the selected one, a tag, else the shortest. */
  at(x: number, y: number): Hit | null {
    return hitAt({ boxes: this.#boxes, tags: this.#tags ?? [], selected: this.#selected }, x, y);
  }

  /** The span of a key; null where none is drawn. */
  span(key: string): OverlaySpan | null {
    return this.#spans.find((one) => one.key === key) ?? null;
  }

  /** The candles of a span, by their number; null where it is not on them. */
  extent(key: string): Extent | null {
    return this.#marks.find(({ span }) => span.key === key) ?? null;
  }

  /** The candles that are loaded, oldest first. */
  get candles(): readonly Candle[] {
    return this.#candles;
  }

  setCandles(candles: readonly Candle[]): void {
    this.#candles = candles;
    this.#mark();
  }

  setSpans(spans: readonly OverlaySpan[]): void {
    this.#spans = spans;
    this.#mark();
  }

  /** Draws one span with other bounds until `setSpans` is called next. */
  preview(key: string, range: { start_time: number; end_time: number }): void {
    this.setSpans(this.#spans.map((span) => (span.key === key ? { ...span, ...range } : span)));
  }

  setSelected(key: string | null): void {
    if (key === this.#selected) return;
    this.#selected = key;
    this.#requestUpdate();
  }

  setHovered(key: string | null): void {
    if (key === this.#hovered) return;
    this.#hovered = key;
    this.#requestUpdate();
  }

  setTheme(theme: OverlayTheme): void {
    this.#theme = theme;
    this.#widths.clear();
    this.#requestUpdate();
  }

  #mark(): void {
    this.#marks = marksOf(this.#spans, this.#candles);
    this.#longest = this.#marks.reduce((most, { first, last }) => Math.max(most, last - first + 1), 0);
    this.#requestUpdate();
  }

  #scales(): Scales {
    const [scale, series] = [this.#chart?.timeScale(), this.#series];
    return {
      visible: scale?.getVisibleLogicalRange() ?? null,
      barSpacing: scale?.options().barSpacing ?? 0,
      // The library's logical numbers are a branded number.
      x: (logical) => scale?.logicalToCoordinate(logical as Logical) ?? null,
      y: (price) => series?.priceToCoordinate(price) ?? null,
    };
  }

  #drawing(): Drawing {
    return { boxes: this.#boxes, theme: this.#theme, selected: this.#selected, hovered: this.#hovered };
  }

  /** Placed once for what is visible, as a text's width is known only to a canvas. */
  #placed(target: Target): readonly Tag[] {
    this.#tags ??= target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.font = fontOf(this.#theme);
      return placedTags(this.#boxes, {
        widthOf: (text) => this.#widthOf(text, context),
        selected: this.#selected,
        paneWidth: mediaSize.width,
        candlesBetween: (left, right) => this.#candlesBetween(left, right),
      });
    });
    return this.#tags;
  }

  #candlesBetween(left: number, right: number): { top: number; bottom: number } | null {
    const scale = this.#chart?.timeScale();
    const [from, to] = [scale?.coordinateToLogical(left) ?? null, scale?.coordinateToLogical(right) ?? null];
    const { low, high } = lowHigh(this.#candles, Math.max(from ?? 0, 0), to ?? -1);
    const [top, bottom] = [this.#series?.priceToCoordinate(high), this.#series?.priceToCoordinate(low)];
    return low > high || typeof top !== "number" || typeof bottom !== "number" ? null : { top, bottom };
  }

  /** Measured once a text, as there are many frames. */
  #widthOf(text: string, context: CanvasRenderingContext2D): number {
    const known = this.#widths.get(text) ?? context.measureText(text).width;
    this.#widths.set(text, known);
    return known;
  }
}
