/** What is said of the candle and the spans under the pointer. All text is set as text, never as markup. */

import { faded } from "./theme.mjs";
import { candleTime, count, volumeWords } from "./words.mjs";

const MOST = 3;
const GAP_PX = 16;

export class Hover {
  #root;
  #legend;
  #tip;
  #spoken;

  constructor(root) {
    this.#root = root;
    this.#legend = append(root, "div", "legend");
    this.#tip = append(root, "div", "tip");
    this.#tip.hidden = true;
    this.#spoken = append(root, "div", "spoken");
    this.#spoken.setAttribute("aria-live", "polite");
  }

  setTheme(theme) {
    this.#legend.style.color = theme.text;
    this.#legend.style.textShadow = `0 0 3px ${theme.background}`;
    Object.assign(this.#tip.style, {
      background: theme.background,
      color: theme.text,
      borderColor: faded(theme.text, 0.22),
    });
  }

  /** Tells of one candle in the corner. */
  tellCandle(data, index, { series, timeframe, decimals }) {
    const price = (value) => value.toFixed(decimals);
    const change = (data.close[index] / data.open[index] - 1) * 100;
    const parts = [
      ["O", price(data.open[index])],
      ["H", price(data.high[index])],
      ["L", price(data.low[index])],
      ["C", price(data.close[index])],
      ...(data.volume === null ? [] : [["V", volumeWords(data.volume[index])]]),
      ["", `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} %`],
    ];
    this.#legend.replaceChildren();
    append(this.#legend, "b", "", series);
    const bars = data.barsPerCandle === 1 ? "" : `, ${data.barsPerCandle} candles in one`;
    this.#legend.append(`${candleTime(data.time[index], timeframe)} UTC${bars}`);
    for (const [name, value] of parts) {
      append(this.#legend, "i", "", name);
      this.#legend.append(value);
    }
  }

  /** Tells of the spans under the pointer, beside it; no spans hide the box. */
  tellSpans(boxes, x, y) {
    this.#tip.hidden = boxes.length === 0;
    if (this.#tip.hidden) return;
    this.#tip.replaceChildren();
    for (const { span } of boxes.slice(0, MOST)) {
      const [title, ...lines] = (span.hover ?? span.words ?? span.label).split("\n");
      const section = append(this.#tip, "section", "");
      append(section, "strong", "", title);
      if (lines.length) section.append(`\n${lines.join("\n")}`);
    }
    if (boxes.length > MOST) append(this.#tip, "section", "", `and ${count(boxes.length - MOST, "more span")} here`);
    this.#place(x, y);
  }

  /** Says something to a screen reader. */
  speak(text) {
    this.#spoken.textContent = text;
  }

  #place(x, y) {
    const { clientWidth: width, clientHeight: height } = this.#root;
    const left = x + GAP_PX + this.#tip.offsetWidth > width ? x - GAP_PX - this.#tip.offsetWidth : x + GAP_PX;
    const top = Math.min(y + GAP_PX, height - this.#tip.offsetHeight - 4);
    this.#tip.style.left = `${Math.max(left, 4)}px`;
    this.#tip.style.top = `${Math.max(top, 4)}px`;
  }
}

function append(parent, tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}
