/** Spans drawn on the candles: boxes behind them, tags before them. A primitive of a lightweight-charts series. */

import { drawTags, placedTags } from "./tags.mjs";
import { faded, readableOn } from "./theme.mjs";

const DASHES = { solid: [], dash: [6, 4], dot: [2, 2] };
const NARROW_PX = 3;
const TAG_FONT_PX = 11;

export class SpanPrimitive {
  #series = null;
  #chart = null;
  #boxes = [];
  #visible = [];
  #tags = [];
  #selected = null;
  #theme = null;
  #requestUpdate = () => {};
  #views = [
    { zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.#drawBoxes(target) }) },
    { zOrder: () => "top", renderer: () => ({ draw: (target) => this.#drawTags(target) }) },
  ];

  attached({ chart, series, requestUpdate }) {
    this.#chart = chart;
    this.#series = series;
    this.#requestUpdate = requestUpdate;
  }

  detached() {
    this.#chart = null;
  }

  paneViews() {
    return this.#views;
  }

  /** How many spans lie on what is loaded. */
  get count() {
    return this.#boxes.length;
  }

  /** How much room tags need above and below the candles, in pixels. */
  get margins() {
    const sides = new Set(this.#boxes.map((box) => box.side));
    return { above: sides.has("above") ? 62 : 24, below: sides.has("below") ? 48 : 8 };
  }

  setTheme(theme) {
    this.#theme = theme;
    this.#requestUpdate();
  }

  /**
   * Takes the spans of all layers, as far as they lie on the candles.
   * @param {import("./candle_data.mjs").CandleData} data
   * @param {Array<{dash, width, tags, spans}>} layers
   */
  setSpans(data, layers) {
    this.#boxes = [];
    layers.forEach((layer, order) => {
      for (const span of layer.spans) {
        const extent = data.extent(span.start_time, span.end_time);
        if (extent === null) continue;
        const [low, high] = data.lowHigh(...extent);
        const { dash, width = 2, tags: side = "none" } = layer;
        this.#boxes.push({ span, dash, width, side, order, first: extent[0], last: extent[1], low, high });
      }
    });
    this.#selected = this.#boxes.find((box) => box.span.selected)?.span.key ?? null;
    this.#requestUpdate();
  }

  /** Makes one span the emphasised one, or none. */
  select(key) {
    this.#selected = key;
    for (const box of this.#boxes) box.span.selected = key !== null && box.span.key === key;
    this.#requestUpdate();
  }

  get selected() {
    return this.#selected;
  }

  /** The boxes under a point in pixels, the narrowest first; a tag counts as its span. */
  at(x, y) {
    const tagged = this.#tags.filter(
      (tag) => x >= tag.left && x <= tag.left + tag.width && y >= tag.top && y <= tag.top + 16,
    );
    const under = this.#visible.filter(
      (box) => x >= box.left - 2 && x <= box.right + 2 && y >= box.top - 3 && y <= box.bottom + 3,
    );
    under.sort((a, b) => a.last - a.first - (b.last - b.first) || b.order - a.order);
    return [...new Set([...tagged.map((tag) => tag.box), ...under])];
  }

  updateAllViews() {
    const scale = this.#chart?.timeScale();
    const range = scale?.getVisibleLogicalRange();
    this.#visible = [];
    if (!range) return;
    const half = scale.options().barSpacing / 2;
    for (const box of this.#boxes) {
      if (box.last < range.from - 1 || box.first > range.to + 1) continue;
      const gap = box.dash === "solid" ? 5 : box.dash === "dash" ? 9 : 3;
      box.left = scale.logicalToCoordinate(box.first) - half;
      box.right = scale.logicalToCoordinate(box.last) + half;
      box.top = this.#series.priceToCoordinate(box.high) - gap;
      box.bottom = this.#series.priceToCoordinate(box.low) + gap;
      this.#visible.push(box);
    }
    this.#tags = [];
  }

  #drawBoxes(target) {
    target.useMediaCoordinateSpace(({ context }) => {
      for (const box of this.#visible) this.#drawBox(context, box);
      context.setLineDash([]);
      context.globalAlpha = 1;
    });
  }

  #drawBox(context, box) {
    const { span, left, right, top, bottom } = box;
    const width = right - left;
    context.globalAlpha = span.faint ? 0.4 : 1;
    if (span.outline) this.#drawOutline(context, box);
    context.fillStyle = faded(span.color, span.selected ? 0.2 : 0.08);
    context.fillRect(left, top, width, bottom - top);
    context.strokeStyle = span.color;
    context.lineWidth = box.width + (span.selected ? 1.4 : 0);
    context.setLineDash(width < NARROW_PX ? [] : DASHES[box.dash]);
    if (width < NARROW_PX) {
      context.fillStyle = faded(span.color, 0.5);
      context.fillRect(left, top, Math.max(width, 1), bottom - top);
    } else {
      context.strokeRect(left, top, width, bottom - top);
    }
  }

  #drawOutline(context, { span, width, left, right, top, bottom }) {
    const beyond = width / 2 + 3;
    context.setLineDash([]);
    context.strokeStyle = this.#theme.outlines[span.outline] ?? span.outline;
    context.lineWidth = 3;
    context.strokeRect(left - beyond, top - beyond, right - left + 2 * beyond, bottom - top + 2 * beyond);
  }

  #drawTags(target) {
    const font = `500 ${TAG_FONT_PX}px ${this.#theme.font}`;
    target.useMediaCoordinateSpace(({ context }) => {
      context.font = font;
      this.#tags = placedTags(this.#visible, (text) => context.measureText(text).width);
      drawTags(context, this.#tags, font, readableOn);
    });
  }
}
