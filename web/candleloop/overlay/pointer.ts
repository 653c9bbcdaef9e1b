/** The pointer on the chart: a click picks, Alt, Ctrl or Meta click dismisses, a bound is dragged, two clicks mark. */

import type { ChartOptions, IChartApi } from "lightweight-charts";
import { indexAt, nearestCandle, snappedRange } from "../spans/candle-axis";
import type { TimeRange } from "../types";
import type { Hit } from "./model";
import { PlacingBand } from "./placing-band";
import type { SpanOverlay } from "./span-overlay";

export interface PointerHandlers {
  /** A span was clicked, or none; `dismiss` with Alt, Ctrl or Meta. */
  onPick: (key: string | null, how: { dismiss: boolean }) => void;
  /** What is under the pointer now, and where that is in pixels of the element. */
  onHover: (hit: Hit | null, x: number, y: number) => void;
  /** A bound was dragged and let go. */
  onMoved: (key: string, range: TimeRange) => void;
  /** Two clicks marked a range while placing. */
  onPlaced: (range: TimeRange) => void;
  /** Escape gave up what was being marked or dragged. */
  onGivenUp: () => void;
}

interface Dragging {
  key: string;
  part: "start" | "end";
  before: TimeRange;
  range: TimeRange;
  /** Where the pointer was pressed. */
  from_x: number;
  /** What the chart's own panning and zooming was set to. */
  handling: Pick<ChartOptions, "handleScroll" | "handleScale">;
}

const CLICK_PX = 4;

export class ChartPointer {
  readonly #element: HTMLElement;
  readonly #chart: IChartApi;
  readonly #overlay: SpanOverlay;
  readonly #band: PlacingBand;
  #handlers: PointerHandlers;
  #pressed: { x: number; y: number } | null = null;
  #dragging: Dragging | null = null;
  #placing = false;
  /** Where the first of two clicks was, on the logical axis. */
  #started: number | null = null;

  constructor(element: HTMLElement, chart: IChartApi, overlay: SpanOverlay, handlers: PointerHandlers) {
    this.#element = element;
    this.#chart = chart;
    this.#overlay = overlay;
    this.#handlers = handlers;
    this.#band = new PlacingBand(element);
  }

  set handlers(handlers: PointerHandlers) {
    this.#handlers = handlers;
  }

  /** While true, two clicks mark a range. */
  set placing(placing: boolean) {
    this.#placing = placing;
    if (!placing) this.#endPlacing();
  }

  /** Begins to listen; what is returned ends it. */
  listen(): () => void {
    const ending = new AbortController();
    const { signal } = ending;
    const on = { signal, capture: true };
    this.#element.addEventListener("pointerdown", (event) => this.#down(event), on);
    this.#element.addEventListener("pointermove", (event) => this.#move(event), on);
    this.#element.addEventListener("pointerup", (event) => this.#up(event), on);
    this.#element.addEventListener("pointercancel", () => this.#giveUp(), on);
    this.#element.addEventListener("pointerleave", () => this.#handlers.onHover(null, 0, 0), { signal });
    window.addEventListener("keydown", (event) => this.#key(event), on);
    const redraw = () => this.#drawBand(null);
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange(redraw);
    signal.addEventListener("abort", () => {
      this.#chart.timeScale().unsubscribeVisibleLogicalRangeChange(redraw);
      this.#giveUp();
      this.#band.remove();
    });
    return () => ending.abort();
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0 || !this.#isOnPane(event)) return;
    const { x, y } = this.#at(event);
    this.#pressed = { x, y };
    const hit = this.#placing ? null : this.#overlay.at(x, y);
    if (hit?.part !== "start" && hit?.part !== "end") return;
    const span = this.#overlay.span(hit.key);
    if (span === null) return;
    const { start_time, end_time } = span;
    this.#dragging = {
      key: hit.key,
      part: hit.part,
      before: { start_time, end_time },
      range: { start_time, end_time },
      from_x: x,
      handling: handlingOf(this.#chart),
    };
    this.#element.setPointerCapture(event.pointerId);
    this.#handlers.onHover(null, x, y);
    this.#chart.applyOptions({ handleScroll: false, handleScale: false });
  }

  #move(event: PointerEvent): void {
    const { x, y } = this.#at(event);
    if (this.#dragging !== null) this.#drag(this.#dragging, x);
    else if (this.#placing) this.#drawBand(x);
    else this.#handlers.onHover(this.#isOnPane(event) ? this.#overlay.at(x, y) : null, x, y);
  }

  /** Moves the bound by as many candles as the pointer has moved, so that it stays where it is when it is pressed. */
  #drag(dragging: Dragging, x: number): void {
    const { part, before, from_x } = dragging;
    const { candles } = this.#overlay;
    const bound = indexAt(candles, part === "start" ? before.start_time : before.end_time);
    const by = Math.abs(x - from_x) <= CLICK_PX ? 0 : x - from_x;
    const at = nearestCandle(candles, bound + by / this.#chart.timeScale().options().barSpacing);
    const time = at === null ? undefined : candles[at]?.time;
    if (time === undefined) return;
    dragging.range =
      part === "start"
        ? { start_time: Math.min(time, before.end_time), end_time: before.end_time }
        : { start_time: before.start_time, end_time: Math.max(time, before.start_time) };
    this.#overlay.preview(dragging.key, dragging.range);
  }

  #up(event: PointerEvent): void {
    const pressed = this.#pressed;
    this.#pressed = null;
    const { x, y } = this.#at(event);
    // A click on a bound that moves nothing is a click on its span.
    if (this.#dragging !== null && this.#letGo(this.#dragging)) return;
    if (pressed === null || Math.hypot(x - pressed.x, y - pressed.y) > CLICK_PX) return;
    if (this.#placing) this.#place(x);
    else this.#pick(x, y, event);
  }

  #pick(x: number, y: number, { altKey, ctrlKey, metaKey }: PointerEvent): void {
    const key = this.#overlay.at(x, y)?.key ?? null;
    this.#handlers.onPick(key, { dismiss: altKey || ctrlKey || metaKey });
  }

  /** Whether the bound was moved. */
  #letGo(dragging: Dragging): boolean {
    const { key, before, range } = dragging;
    this.#endDragging(dragging);
    const isSame = range.start_time === before.start_time && range.end_time === before.end_time;
    if (!isSame) this.#handlers.onMoved(key, range);
    return !isSame;
  }

  #place(x: number): void {
    const at = this.#logicalAt(x);
    const started = this.#started;
    if (started === null) {
      this.#started = at;
      this.#drawBand(x);
      return;
    }
    const range = snappedRange(this.#overlay.candles, started, at);
    this.#endPlacing();
    if (range !== null) this.#handlers.onPlaced(range);
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape" || (this.#dragging === null && this.#started === null)) return;
    event.stopPropagation();
    event.preventDefault();
    this.#giveUp();
    this.#handlers.onGivenUp();
  }

  #giveUp(): void {
    if (this.#dragging !== null) {
      this.#overlay.preview(this.#dragging.key, this.#dragging.before);
      this.#endDragging(this.#dragging);
    }
    this.#pressed = null;
    this.#endPlacing();
  }

  #endDragging({ handling }: Dragging): void {
    this.#dragging = null;
    this.#chart.applyOptions(handling);
  }

  #endPlacing(): void {
    this.#started = null;
    this.#band.hide();
  }

  #lastX = 0;

  /** Draws the band from the first click to the pointer; null for where the pointer was last. */
  #drawBand(x: number | null): void {
    if (x !== null) this.#lastX = x;
    if (!this.#placing || this.#overlay.candles.length === 0) return;
    const at = this.#logicalAt(this.#lastX);
    const ends = [this.#started ?? at, at].map((one) => nearestCandle(this.#overlay.candles, one) ?? 0);
    const [first, last] = [Math.min(...ends), Math.max(...ends)];
    const scale = this.#chart.timeScale();
    const half = scale.options().barSpacing / 2;
    const [left, right] = [this.#xOf(first), this.#xOf(last)];
    if (left === null || right === null) return;
    this.#band.show({
      left: left - half,
      right: Math.min(right + half, scale.width()),
      bottom: scale.height(),
      words: this.#started === null ? "Click its first candle" : candleWords(last - first + 1),
    });
  }

  #xOf(candle: number): number | null {
    // The library's logical numbers are a branded number.
    return this.#chart.timeScale().logicalToCoordinate(candle as Parameters<Scale["logicalToCoordinate"]>[0]);
  }

  #logicalAt(x: number): number {
    return this.#chart.timeScale().coordinateToLogical(x) ?? Number.NaN;
  }

  /** Pixels from the left upper corner of the pane. */
  #at(event: PointerEvent): { x: number; y: number } {
    const { left, top } = this.#element.getBoundingClientRect();
    return { x: event.clientX - left - this.#chart.priceScale("left").width(), y: event.clientY - top };
  }

  /** Whether an event is over the candles, not over an axis. */
  #isOnPane(event: PointerEvent): boolean {
    const { x, y } = this.#at(event);
    const scale = this.#chart.timeScale();
    return x >= 0 && x <= scale.width() && y >= 0 && y <= this.#element.clientHeight - scale.height();
  }
}

/** A copy, as the library changes its options in place. */
function handlingOf(chart: IChartApi): Dragging["handling"] {
  const { handleScroll, handleScale } = chart.options();
  return structuredClone({ handleScroll, handleScale });
}

type Scale = ReturnType<IChartApi["timeScale"]>;

function candleWords(count: number): string {
  return count === 1 ? "1 candle" : `${count.toLocaleString("en-GB")} candles`;
}
