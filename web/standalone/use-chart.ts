"use client";

import {
  CandlestickSeries,
  createChart,
  type IChartApi,
  type ISeriesApi,
  type LogicalRange,
  type UTCTimestamp,
} from "lightweight-charts";
import { type RefObject, useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from "react";
import type { Candle } from "@/candleloop/types";
import { CANDLE_COLORS, type ChartTheme, chartOptions } from "./chart-theme";

export interface Chart {
  chart: IChartApi;
  series: ISeriesApi<"Candlestick">;
}

/** A candlestick chart inside an element, in these colours; null until the element is there. */
export function useChart(element: RefObject<HTMLElement | null>, theme: ChartTheme): Chart | null {
  const [made, setMade] = useState<Chart | null>(null);
  useEffect(() => {
    if (element.current === null) return;
    const chart = createChart(element.current, { autoSize: true });
    const series = chart.addSeries(CandlestickSeries, {
      ...CANDLE_COLORS,
      priceLineVisible: false,
      lastValueVisible: false,
    });
    setMade({ chart, series });
    return () => {
      setMade(null);
      chart.remove();
    };
  }, [element]);
  useEffect(() => made?.chart.applyOptions(chartOptions(theme)), [made, theme]);
  return made;
}

/** Draws the candles; older ones that join leave what is visible in its place. */
export function useDrawnCandles(made: Chart | null, candles: readonly Candle[]): void {
  const drawn = useRef<Chart["series"] | null>(null);
  useEffect(() => {
    if (made === null || candles.length === 0) return;
    const { chart, series } = made;
    // The library's times are a branded number.
    series.setData(candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp })));
    series.applyOptions({ priceFormat: { type: "price", ...precisionOf(candles) } });
    if (drawn.current !== series) showNewest(chart, candles.length);
    drawn.current = series;
  }, [made, candles]);
}

/**
 * Tells the range of candles that is visible, whenever it changes, at most once a frame. It stands in data attributes
 * of the element too, for whoever looks at the page by a script.
 */
export function useVisibleRange(
  made: Chart | null,
  element: RefObject<HTMLElement | null>,
  onChange: (range: LogicalRange) => void,
): void {
  const tell = useEffectEvent(onChange);
  // Before the chart goes: it answers nothing once it is removed.
  useLayoutEffect(() => {
    if (made === null) return;
    const scale = made.chart.timeScale();
    let frame = 0;
    const changed = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const range = scale.getVisibleLogicalRange();
        if (range === null || element.current === null) return;
        const { width, height } = made.chart.paneSize();
        Object.assign(element.current.dataset, { from: range.from, to: range.to, width, height });
        tell(range);
      });
    };
    scale.subscribeVisibleLogicalRangeChange(changed);
    changed();
    return () => {
      cancelAnimationFrame(frame);
      scale.unsubscribeVisibleLogicalRangeChange(changed);
    };
  }, [made, element]);
}

const SHOWN_AT_FIRST = 160;

function showNewest(chart: IChartApi, count: number): void {
  chart.timeScale().setVisibleLogicalRange({ from: count - SHOWN_AT_FIRST, to: count + 4 });
}

const SAMPLE = 400;
const MOST_DECIMALS = 8;

/** As many decimals as the prices are written with, where that is few; at least two. */
function precisionOf(candles: readonly Candle[]): { precision: number; minMove: number } {
  const closes = candles.slice(-SAMPLE).map(({ close }) => close);
  const magnitude = Math.floor(Math.log10(Math.max(...closes.map(Math.abs), 1e-9)));
  const most = Math.min(Math.max(6 - magnitude, 2), MOST_DECIMALS);
  const isWritten = (decimals: number) =>
    closes.every((close) => Math.abs(close - Number(close.toFixed(decimals))) < 1e-9);
  let precision = 2;
  while (precision < most && !isWritten(precision)) precision += 1;
  return { precision, minMove: 10 ** -precision };
}
