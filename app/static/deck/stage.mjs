/** The chart of the deck: draws a place, and measures how long that took from the key. */

import { CandleChart } from "../chart/candle_chart.mjs";
import { cut, draftSpan, layersOf } from "./layers.mjs";

const RIGHT_SHARE = 0.04;
const QUEUE_THRESHOLD = 0.7;
export const MEASURE = "candleloop:next-place";

export class Stage {
  #chart;
  #element;
  #shown = null;
  #pressedAt = null;

  constructor(element, { onSelect, onDrag }) {
    this.#element = element;
    this.#chart = new CandleChart(element, { onSelect, onDrag });
  }

  /** Begins the measure that ends with the frame in which another place is drawn. */
  pressed(at) {
    this.#pressedAt = at;
  }

  applyTheme() {
    this.#chart.applyTheme();
  }

  resetZoom() {
    this.#chart.resetZoom();
  }

  destroy() {
    this.#chart.destroy();
  }

  /** Draws where the deck stands; without a place the chart is hidden. */
  draw({ entry, place, state, draft, standing, said, browsing }) {
    const blank = !place || Boolean(place.error);
    this.#element.classList.toggle("blank", blank);
    if (blank) return;
    const hidden = state.view.hidden_after && entry.label !== null;
    const cutAt = hidden && place.as_of === null ? entry.end_time : null;
    this.#chart.show({
      candles: cutAt === null ? place.packed : cut(place.candles, cutAt),
      layers: layersOf(place, {
        entry,
        layers: state.layers,
        threshold: browsing ? state.browse.threshold : QUEUE_THRESHOLD,
        said,
        draft: draft && draftSpan(draft, standing.colors),
        cutAt,
      }),
      first_bar: place.first_bar,
      total_bars: place.series_bars,
      bars_per_candle: 1,
      series: `${entry.pair} ${entry.timeframe}`,
      timeframe: entry.timeframe,
      decimals: place.decimals,
      view: [place.first_bar - 0.5, place.first_bar + place.bars * (1 + RIGHT_SHARE)],
      place: `${entry.key} ${state.view.bars} ${place.first_bar}`,
      as_of: hidden ? (cutAt ?? place.as_of) : null,
    });
    this.#chart.setSelecting(draft !== null);
    this.#wasDrawn(entry.key);
  }

  #wasDrawn(key) {
    const moved = this.#shown !== key;
    this.#shown = this.#element.dataset.place = key;
    const start = this.#pressedAt;
    this.#pressedAt = null;
    if (start === null || !moved) return;
    // The next frame paints what is drawn now; a message after it comes when that frame is done.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        performance.measure(MEASURE, { start, end: performance.now() });
        port1.close();
      };
      port2.postMessage(null);
    });
  }
}
