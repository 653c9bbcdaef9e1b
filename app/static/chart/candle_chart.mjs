/** The one chart of candles: what it shows is given whole each time; place and zoom stay with whoever looks. */

import { CandlestickSeries, createChart, HistogramSeries } from "../vendor/lightweight-charts-5.2.1.mjs";
import { AsOfLine } from "./as_of_line.mjs";
import { CandleData } from "./candle_data.mjs";
import { Hover } from "./hover.mjs";
import { listenToKeys } from "./keyboard.mjs";
import { completed, sameCandles } from "./model.mjs";
import { candleOptions, fixedOptions, quietSeries, themeOptions } from "./options.mjs";
import { Pointer } from "./pointer.mjs";
import { RangeSelection } from "./range_selection.mjs";
import { SpanPrimitive } from "./span_primitive.mjs";
import { CSS, faded, themeOf } from "./theme.mjs";
import { candleTime, count, isIntraday } from "./words.mjs";

const LEAST_BARS = 120;
const CONTEXT = 3;
const BEYOND = 1.15;

export class CandleChart {
  #root;
  #handlers;
  #chart;
  #candles;
  #volume;
  #spans = new SpanPrimitive();
  #asOf = new AsOfLine();
  #hover;
  #range;
  #theme;
  #data = null;
  #model = {};
  #shownPlace = null;
  #home = null;
  #goal = null;
  #selecting = false;
  #isPointed = false;
  #isResting = false;
  #frames = 0;
  #removers = [];

  /**
   * @param {HTMLElement} element is filled by the chart
   * @param {{onSelect?, onDrag?, onRange?}} handlers `onSelect(key | null)`, `onDrag({start_time, end_time, bars_per_candle})`
   *   with the opens of the first and last candle marked, `onRange({from_time, to_time, bars, from_bar, to_bar})`
   */
  constructor(element, handlers = {}) {
    this.#handlers = handlers;
    this.#root = document.createElement("div");
    this.#root.className = "candle-chart";
    this.#root.tabIndex = 0;
    this.#root.setAttribute("role", "application");
    const style = document.createElement("style");
    style.textContent = CSS;
    const canvas = document.createElement("div");
    canvas.className = "canvas";
    this.#root.append(style, canvas);
    element.append(this.#root);
    element.__chart = this;
    this.#chart = createChart(canvas, fixedOptions());
    const autoscaleInfoProvider = (original) => {
      const info = original();
      return info && { ...info, margins: this.#spans.margins };
    };
    this.#candles = this.#chart.addSeries(CandlestickSeries, quietSeries({ autoscaleInfoProvider }));
    this.#candles.attachPrimitive(this.#spans);
    this.#candles.attachPrimitive(this.#asOf);
    this.#hover = new Hover(this.#root);
    this.#range = new RangeSelection(
      this.#root,
      this.#chart.timeScale(),
      () => this.#data,
      (first, last) => this.#dragged(first, last),
    );
    this.applyTheme();
    this.#listen();
  }

  /**
   * Draws candles and spans. The place looked at stays unless the series or the focus is another one.
   * @param {object} model `candles` ({time, open, high, low, close, volume}: arrays or base64 of float64),
   *   `layers` ([{name, dash, width, tags, spans}]), and where they apply `bars_per_candle`, `first_bar`, `total_bars`,
   *   `series`, `timeframe`, `decimals`, `focus` ({start_time, end_time}), `view` ([from_bar, to_bar], where to begin),
   *   `place` (a text that changes when the chart shall go to `view` or `focus`), `as_of` (Unix s), `note`
   */
  show(model) {
    const before = this.#data === null ? null : this.visibleBars();
    const shown = completed(model);
    const known = this.#data !== null && sameCandles(this.#model, shown);
    this.#model = shown;
    if (!known) this.#putCandles();
    this.#range.clear();
    this.#spans.setSpans(this.#data, this.#model.layers);
    this.#asOf.set(this.#lastSeen());
    const moved = shown.place !== this.#shownPlace;
    if (moved) this.#home = shown.view ?? this.#placeToBegin();
    this.#shownPlace = shown.place;
    this.#isResting ||= moved || !known;
    this.lookAt(moved || before === null ? this.#home : before);
    this.#describe();
    this.#afterDrawing();
    return this;
  }

  /** Emphasises the span of a key, or none. */
  select(key) {
    this.#spans.select(key);
    const span = key === null ? null : this.#spanOf(key);
    this.#hover.speak(span === null ? "" : (span.hover ?? span.label).replaceAll("\n", ", "));
    this.#afterDrawing();
    return this;
  }

  /** Whether a drag marks a range of candles; otherwise it pans. With Shift it pans in any case. */
  setSelecting(selecting) {
    this.#selecting = Boolean(selecting);
    this.#root.classList.toggle("selecting", this.#selecting);
    if (!this.#selecting) this.#range.clear();
    return this;
  }

  /** Goes to these bars, with the next frame, or where none of them is loaded yet, once they are. */
  lookAt(bars) {
    const { firstBar, barsPerCandle, length, totalBars } = this.#data;
    const [from, to] = bars;
    this.#goal = bars;
    const end = firstBar + barsPerCandle * length;
    if (to > firstBar && from < end) {
      this.#chart.timeScale().setVisibleLogicalRange({
        from: this.#data.logicalOf(from),
        to: this.#data.logicalOf(to),
      });
    }
    const isLoaded = (from > firstBar - 1 || firstBar === 0) && (to < end + 1 || end >= totalBars);
    requestAnimationFrame(() => {
      if (isLoaded && this.#goal === bars) this.#goal = null;
      if (!isLoaded) this.#ranged();
    });
    return this;
  }

  /** Back to where this place began: the whole window. */
  resetZoom() {
    this.#chart.priceScale("right").applyOptions({ autoScale: true });
    this.lookAt(this.#home);
    return this;
  }

  /** Moves by a share of what is visible. */
  pan(share) {
    const [from, to] = this.visibleBars();
    this.lookAt([from + share * (to - from), to + share * (to - from)]);
    return this;
  }

  /** Shows so many times the bars around the middle. */
  zoom(factor) {
    const [from, to] = this.visibleBars();
    const bars = factor * (to - from);
    const middle = (from + to) / 2;
    const end = Math.min(middle + bars / 2, Math.max(this.#data.totalBars + 0.05 * bars, to));
    this.lookAt([end - bars, end]);
    return this;
  }

  /** Goes to the first or last bar of the series with the zoom as it is. */
  goTo(end) {
    const [from, to] = this.visibleBars();
    const bars = to - from;
    this.lookAt(end === "first" ? [-0.5, bars - 0.5] : [this.#data.totalBars - bars, this.#data.totalBars + 0.5]);
    return this;
  }

  /** The bars of the series that are visible, as fractions, or will be once they are loaded and drawn. */
  visibleBars() {
    if (this.#goal !== null) return this.#goal;
    const { from, to } = this.#chart.timeScale().getVisibleLogicalRange() ?? { from: 0, to: 1 };
    return [this.#data.barAt(from), this.#data.barAt(to)];
  }

  /** The width in pixels on which those bars are drawn. */
  paneWidth() {
    return this.#chart.timeScale().width();
  }

  /** Reads the colours of the page again. */
  applyTheme() {
    const theme = themeOf(this.#root);
    if (JSON.stringify(theme) === JSON.stringify(this.#theme)) return this;
    this.#theme = theme;
    this.#chart.applyOptions(themeOptions(theme));
    this.#candles.applyOptions(candleOptions(theme));
    this.#root.style.background = theme.background;
    for (const part of [this.#spans, this.#asOf, this.#hover, this.#range]) part.setTheme(theme);
    this.#afterDrawing();
    return this;
  }

  destroy() {
    for (const remove of this.#removers) remove();
    this.#chart.remove();
    this.#root.remove();
  }

  #putCandles() {
    const { candles, first_bar, total_bars, bars_per_candle, decimals, timeframe } = this.#model;
    const place = { firstBar: first_bar, totalBars: total_bars, barsPerCandle: bars_per_candle };
    this.#data = new CandleData(candles, place);
    this.#candles.applyOptions({
      priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals },
    });
    this.#candles.setData(this.#data.candleRows());
    this.#chart.applyOptions({
      localization: { timeFormatter: (time) => `${candleTime(time, timeframe)} UTC` },
      timeScale: { timeVisible: isIntraday(timeframe) },
    });
    const volume = this.#data.volumeRows(faded(this.#theme.rising, 0.3), faded(this.#theme.falling, 0.3));
    if (volume.length && !this.#volume) {
      const own = { priceScaleId: "volume", priceFormat: { type: "volume" } };
      this.#volume = this.#chart.addSeries(HistogramSeries, quietSeries(own));
      this.#chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    }
    this.#volume?.setData(volume);
    this.#candles.priceScale().applyOptions({ scaleMargins: { top: 0.03, bottom: volume.length ? 0.15 : 0.04 } });
  }

  #placeToBegin() {
    const { focus } = this.#model;
    const extent = focus && this.#data.extent(focus.start_time, focus.end_time);
    if (!extent) return [this.#data.barAt(-0.5), this.#data.barAt(this.#data.length + 0.5)];
    const [first, last] = extent.map((index) => this.#data.barAt(index));
    const half = Math.max((last - first + 1) * CONTEXT, LEAST_BARS) / 2;
    return [(first + last) / 2 - half, (first + last) / 2 + half];
  }

  /** The candle after which bars are hidden, where it is loaded. */
  #lastSeen() {
    const { firstBar, barsPerCandle, length, totalBars } = this.#data;
    const isEnd = firstBar + barsPerCandle * length >= totalBars;
    return this.#model.as_of === null || !isEnd ? null : this.#data.indexAt(this.#model.as_of);
  }

  #listen() {
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.#ranged());
    this.#chart.subscribeCrosshairMove((event) => this.#pointed(event));
    const pointer = new Pointer(this.#root, {
      scale: this.#chart.timeScale(),
      range: this.#range,
      chart: this,
      onPress: () => this.#pressed(),
      onClick: (x, y) => this.#clicked(x, y),
    });
    const onEscape = () => (this.#range.dragging ? this.#range.clear() : this.#choose(null));
    this.#removers.push(pointer.listen(), listenToKeys(this.#root, this, { onEscape }));
  }

  /** From here on the hand moves the chart; whether it marks a range, or null where there are no candles. */
  #pressed() {
    this.#goal = null;
    return this.#data === null ? null : this.#selecting;
  }

  /** Chooses the narrowest span there, or at another click the next one below it. */
  #clicked(x, y) {
    const keys = this.#spans.at(x, y).map((box) => box.span.key);
    this.#choose(keys[(keys.indexOf(this.#spans.selected) + 1) % Math.max(keys.length, 1)] ?? null);
  }

  #choose(key) {
    if (key === this.#spans.selected) return;
    this.select(key);
    this.#handlers.onSelect?.(key);
  }

  #dragged(first, last) {
    const { time, barsPerCandle } = this.#data;
    this.#handlers.onDrag?.({ start_time: time[first], end_time: time[last], bars_per_candle: barsPerCandle });
  }

  /** A pointer that has not moved since another place was shown asks for nothing there. */
  #pointed({ point, logical, sourceEvent }) {
    if (sourceEvent) this.#isResting = false;
    if (this.#data === null || this.#data.length === 0) return;
    this.#isPointed = Boolean(point);
    const newest = this.#data.logicalOf(this.visibleBars()[1]);
    const index = Math.min(Math.max(Math.round(point ? logical : newest), 0), this.#data.length - 1);
    this.#hover.tellCandle(this.#data, index, this.#model);
    const boxes = point && !this.#isResting && !this.#range.dragging ? this.#spans.at(point.x, point.y) : [];
    this.#root.classList.toggle("over-span", boxes.length > 0);
    this.#hover.tellSpans(boxes, point?.x, point?.y);
  }

  #ranged() {
    if (this.#data === null || !this.#root.isConnected) return;
    this.#range.redraw();
    if (!this.#isPointed) this.#pointed({});
    const [from, to] = this.visibleBars();
    const most = this.#data.totalBars * BEYOND + LEAST_BARS;
    if (to - from > most + 1) {
      this.lookAt([(this.#data.totalBars - most) / 2, (this.#data.totalBars + most) / 2]);
      return;
    }
    const time = (logical) => this.#data.time[Math.min(Math.max(Math.round(logical), 0), this.#data.length - 1)];
    const [first, last] = [from, to].map((bar) => this.#data.logicalOf(bar));
    this.#handlers.onRange?.({
      from_time: time(first),
      to_time: time(last),
      bars: Math.round(to - from),
      from_bar: from,
      to_bar: to,
    });
    this.#afterDrawing();
  }

  #describe() {
    const { series, timeframe, note } = this.#model;
    const { time, length } = this.#data;
    if (length === 0) return;
    this.#root.setAttribute(
      "aria-label",
      `Chart of ${series} from ${candleTime(time[0], timeframe)} to ${candleTime(time[length - 1], timeframe)} UTC, ` +
        `${count(length, "candle")}, ${count(this.#spans.count, "span")}. ` +
        "Arrow keys move, plus and minus zoom, 0 shows the whole window.",
    );
    this.#root.querySelector(".note")?.remove();
    if (note) {
      const line = document.createElement("div");
      Object.assign(line, { className: "note", textContent: note });
      line.style.color = this.#theme.text;
      this.#root.append(line);
    }
    this.#pointed({});
  }

  /** Writes into data attributes what has been drawn, once it has. */
  #afterDrawing() {
    requestAnimationFrame(() => {
      if (this.#data === null || this.#data.length === 0 || !this.#root.isConnected) return;
      this.#frames += 1;
      const [from, to] = this.visibleBars();
      const { time, length, barsPerCandle, firstBar } = this.#data;
      Object.assign(this.#root.dataset, {
        ready: "true",
        frame: this.#frames,
        firstTime: time[0],
        lastTime: time[length - 1],
        firstBar,
        totalBars: this.#data.totalBars,
        candles: length,
        barsPerCandle,
        fromBar: from.toFixed(2),
        toBar: to.toFixed(2),
        spans: this.#spans.count,
        selected: this.#spans.selected ?? "",
        dark: this.#theme.dark,
      });
    });
  }

  #spanOf(key) {
    return this.#model.layers.flatMap((layer) => layer.spans).find((span) => span.key === key) ?? null;
  }
}
