/** Where times lie on a chart's candles. */

import type { Candle, TimeRange } from "../types";

/** A closed range of candles, by their number from the first one loaded. */
export interface Extent {
  first: number;
  last: number;
}

/** The number of the last candle that opens at or before a time; -1 before the first. */
export function indexAt(candles: readonly Candle[], time: number): number {
  let low = 0;
  let high = candles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((candles[middle]?.time ?? Number.POSITIVE_INFINITY) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The candles that open within a closed range of times; null where none does. */
export function extentOf(candles: readonly Candle[], { start_time, end_time }: TimeRange): Extent | null {
  const last = indexAt(candles, end_time);
  const at = indexAt(candles, start_time);
  const first = candles[at]?.time === start_time ? at : at + 1;
  return last < first ? null : { first, last };
}

/** The candle at a place on the chart's logical axis, one that exists; null without candles. */
export function nearestCandle(candles: readonly Candle[], logical: number): number | null {
  if (candles.length === 0 || Number.isNaN(logical)) return null;
  return Math.min(Math.max(Math.round(logical), 0), candles.length - 1);
}

/** The range between two places on the logical axis, snapped to candles, in whichever order they were given. */
export function snappedRange(candles: readonly Candle[], one: number, other: number): TimeRange | null {
  const first = candles[nearestCandle(candles, Math.min(one, other)) ?? -1];
  const last = candles[nearestCandle(candles, Math.max(one, other)) ?? -1];
  if (first === undefined || last === undefined) return null;
  return { start_time: first.time, end_time: last.time };
}
