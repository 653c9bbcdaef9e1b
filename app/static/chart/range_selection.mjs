/** A range of candles marked by dragging: snapped to candles while the pointer moves. */

import { faded, readableOn } from "./theme.mjs";
import { count } from "./words.mjs";

const LEAST_PX = 4;

export class RangeSelection {
  #root;
  #band;
  #words;
  #scale;
  #dataOf;
  #onDone;
  #start = null;
  #range = null;

  /**
   * @param {HTMLElement} root
   * @param {object} scale the chart's time scale
   * @param {() => import("./candle_data.mjs").CandleData} dataOf
   * @param {(first: number, last: number) => void} onDone is told the first and last candle marked
   */
  constructor(root, scale, dataOf, onDone) {
    this.#root = root;
    this.#scale = scale;
    this.#dataOf = dataOf;
    this.#onDone = onDone;
    this.#band = document.createElement("div");
    this.#band.className = "range";
    this.#band.hidden = true;
    this.#words = document.createElement("span");
    this.#band.append(this.#words);
    root.append(this.#band);
  }

  setTheme(theme) {
    const color = getComputedStyle(this.#root).getPropertyValue("--st-primary-color").trim() || "#2f6fb2";
    Object.assign(this.#band.style, { background: faded(color, 0.16), borderColor: color, color: theme.text });
    Object.assign(this.#words.style, { background: color, color: readableOn(color) });
  }

  get dragging() {
    return this.#start !== null;
  }

  begin(x) {
    this.#start = x;
  }

  move(x) {
    if (this.#start === null || Math.abs(x - this.#start) < LEAST_PX) return;
    const at = [this.#start, x].map((px) => this.#candleAt(px));
    this.#range = [Math.min(...at), Math.max(...at)];
    this.redraw();
  }

  /** Ends the drag and says whether it marked anything. */
  end() {
    this.#start = null;
    if (this.#range === null || this.#band.hidden) return false;
    this.#onDone(...this.#range);
    return true;
  }

  clear() {
    this.#start = this.#range = null;
    this.#band.hidden = true;
  }

  /** Puts the band where its candles are now. */
  redraw() {
    this.#band.hidden = this.#range === null;
    if (this.#range === null) return;
    const [first, last] = this.#range;
    const half = this.#scale.options().barSpacing / 2;
    const left = this.#scale.logicalToCoordinate(first) - half;
    const right = Math.min(this.#scale.logicalToCoordinate(last) + half, this.#scale.width());
    this.#band.style.left = `${Math.max(left, 0)}px`;
    this.#band.style.width = `${Math.max(right - Math.max(left, 0), 1)}px`;
    this.#band.style.height = `${this.#root.clientHeight - this.#scale.height()}px`;
    this.#words.textContent = count((last - first + 1) * this.#dataOf().barsPerCandle, "candle");
  }

  #candleAt(x) {
    const last = this.#dataOf().length - 1;
    const logical = this.#scale.coordinateToLogical(Math.min(Math.max(x, 0), this.#scale.width() - 1));
    return Math.min(Math.max(Math.round(logical ?? 0), 0), last);
  }
}
