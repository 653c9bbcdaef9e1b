/** The chart that is measured, and how it is panned. */

import {
  CandlestickSeries,
  createChart,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from "lightweight-charts";
import { ChartPointer, SpanOverlay } from "@/candleloop/overlay";
import type { Candle } from "@/candleloop/types";
import { CANDLE_COLORS, chartOptions, themeOf } from "@/standalone/chart-theme";
import { PlainSpan } from "./plain-span";
import { madeSpans, randomWalk } from "./random-walk";

declare global {
  interface Window {
    candleloopBench?: {
      /** Pans to and fro for so long; returns the milliseconds between each two frames. */
      pan: (seconds: number) => Promise<number[]>;
      overlay: SpanOverlay;
    };
  }
}

/** So many times what is visible is loaded, so that there is somewhere to pan to. */
const LOADED = 2;

/** Draws `candles` visible ones with `spans` over them, `by` the overlay or one plain object a span; returns its end. */
export function benchChart(element: HTMLElement, asked: URLSearchParams): () => void {
  const visible = Number(asked.get("candles") ?? 5_000);
  const candles = randomWalk(LOADED * visible);
  const theme = themeOf(false);
  const chart = createChart(element, chartOptions(theme));
  chart.applyOptions({ timeScale: { minBarSpacing: 0.01 } });
  const series = chart.addSeries(CandlestickSeries, { ...CANDLE_COLORS, priceLineVisible: false });
  // The library's times are a branded number.
  series.setData(candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp })));
  const overlay = new SpanOverlay();
  const pointer = new ChartPointer(element, chart, overlay, {
    onPick: (key) => overlay.setSelected(key),
    onHover: (hit) => overlay.setHovered(hit?.key ?? null),
    onMoved: () => {},
    onPlaced: () => {},
    onGivenUp: () => {},
  });
  drawSpans(series, {
    overlay,
    candles,
    count: LOADED * Number(asked.get("spans") ?? 500),
    by: asked.get("by"),
  });
  const end = pointer.listen();
  chart.timeScale().setVisibleLogicalRange({ from: visible / 2, to: 1.5 * visible });
  window.candleloopBench = { pan: (seconds) => pan(chart, visible, seconds), overlay };
  return () => {
    delete window.candleloopBench;
    end();
    chart.remove();
  };
}

interface Drawn {
  overlay: SpanOverlay;
  candles: readonly Candle[];
  count: number;
  by: string | null;
}

function drawSpans(series: ISeriesApi<"Candlestick">, { overlay, candles, count, by }: Drawn): void {
  const spans = madeSpans(candles, count);
  if (by === "plain") {
    for (const span of spans) series.attachPrimitive(new PlainSpan(span, candles));
    return;
  }
  series.attachPrimitive(overlay);
  overlay.setCandles(candles);
  overlay.setSpans(spans);
}

/** Moves what is visible at each frame, a window's width to and fro every four seconds. */
function pan(chart: IChartApi, visible: number, seconds: number): Promise<number[]> {
  const between: number[] = [];
  let began = 0;
  let before = 0;
  return new Promise((resolve) => {
    const step = (now: number) => {
      if (before > 0) between.push(now - before);
      before = now;
      began = began || now;
      const passed = (now - began) / 1000;
      if (passed > seconds) return resolve(between);
      const from = visible * (0.5 + 0.4 * Math.sin((passed * Math.PI) / 2));
      chart.timeScale().setVisibleLogicalRange({ from, to: from + visible });
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
}
