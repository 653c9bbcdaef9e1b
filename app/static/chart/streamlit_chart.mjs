/** Mounts the chart as a Streamlit component: it stays across reruns and asks for candles as it is moved. */

import { CandleChart } from "./candle_chart.mjs";
import { endOnceGone } from "./gone.mjs";

const AGAIN_MS = 1500;
const CALM_MS = 60;
const charts = new WeakMap();

/** Where each chart of this tab was looked at, by its key: Streamlit may mount it anew when runs overtake each other. */
const places = new Map();

/**
 * What a component's script calls after each rerun with other data.
 * @returns {() => void} ends the chart, unless another call has come meanwhile: Streamlit also calls it for a call that
 *   was overtaken by the next
 */
export function draw({ data, parentElement, setStateValue, setTriggerValue }) {
  const mounted = charts.get(parentElement) ?? new MountedChart(parentElement, data.height);
  charts.set(parentElement, mounted);
  const turn = mounted.show(data, { setStateValue, setTriggerValue });
  const end = () => {
    mounted.end();
    charts.delete(parentElement);
  };
  return () => endOnceGone(parentElement, () => mounted.turn !== turn, end);
}

class MountedChart {
  #chart;
  #element;
  #model = null;
  #streamlit = null;
  #asked = null;
  #timer = null;
  turn = 0;

  constructor(parent, height) {
    this.#element = document.createElement("div");
    this.#element.style.height = `${height}px`;
    parent.append(this.#element);
    this.#chart = new CandleChart(this.#element, {
      onSelect: (key) => this.#streamlit.setTriggerValue("selected", { key }),
      onDrag: (range) => this.#streamlit.setTriggerValue("dragged", range),
      onRange: (range) => this.#ranged(range),
    });
  }

  /** Draws what Python gave and returns the number of this turn. */
  show(model, streamlit) {
    this.#streamlit = streamlit;
    this.#chart.applyTheme();
    this.turn += 1;
    if (model !== this.#model) {
      this.#model = model;
      this.#asked = null;
      this.#element.style.height = `${model.height}px`;
      const before = places.get(model.key);
      this.#chart.show(model).setSelecting(model.selecting);
      if (this.turn === 1 && before?.place === model.place) this.#chart.lookAt(before.bars);
    }
    return this.turn;
  }

  end() {
    clearTimeout(this.#timer);
    this.#chart.destroy();
    this.#element.remove();
  }

  #ranged({ from_bar: from, to_bar: to }) {
    clearTimeout(this.#timer);
    if (this.#model === null) return;
    places.set(this.#model.key, { place: this.#model.place, bars: [from, to] });
    this.#timer = setTimeout(() => this.#askWhereNeeded(from, to), CALM_MS);
  }

  /** Asks for other candles where what is visible comes near the end of what is loaded, or is too coarse or fine. */
  #askWhereNeeded(from, to) {
    const { first_bar: first, end_bar: end, total_bars: total, bars_per_candle: each, most_candles: most } = this.#model;
    const bars = to - from;
    const near = 0.25 * Math.min(bars, most / 4);
    const short = (from - near < first && first > 0) || (to + near > end && end < total);
    const wrong = bars / each > most * 1.05 || (each > 1 && bars / each < most / 2.1);
    if (!short && !wrong) return;
    const asked = `${Math.round(from)} ${Math.round(to)}`;
    if (this.#asked?.what === asked && performance.now() - this.#asked.at < AGAIN_MS) return;
    this.#asked = { what: asked, at: performance.now() };
    this.#streamlit.setStateValue("range", { from_bar: from, to_bar: to, place: this.#model.place });
  }
}
