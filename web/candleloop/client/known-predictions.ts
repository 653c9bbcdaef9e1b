/** What is known of a series from one model version, put together from answers about ranges of it. */

import type { Candle, Span, TimeRange } from "../types";

export interface KnownPredictions {
  version: string | null;
  spans: readonly Span[];
  /** Where the model was asked; the ranges do not overlap. */
  covered: readonly TimeRange[];
}

export const NOTHING_KNOWN: KnownPredictions = { version: null, spans: [], covered: [] };

/** Returns what is known once the model has said all there is in `range`; another version's word is dropped. */
export function withAnswer(
  known: KnownPredictions,
  { version, range, spans }: { version: string; range: TimeRange; spans: readonly Span[] },
): KnownPredictions {
  const before = known.version === version ? known : NOTHING_KNOWN;
  const kept = before.spans.filter((span) => !overlap(span, range));
  return {
    version,
    spans: [...kept, ...spans].sort((a, b) => a.start_time - b.start_time || a.end_time - b.end_time),
    covered: union(before.covered, range),
  };
}

/** Returns whether the model was asked about all of a range. */
export function isCovered({ covered }: KnownPredictions, range: TimeRange): boolean {
  return covered.some((one) => one.start_time <= range.start_time && range.end_time <= one.end_time);
}

/** Returns `range`, widened to the ends of known spans that cross its edges, so that none is cut in two. */
export function widened({ spans }: KnownPredictions, range: TimeRange): TimeRange {
  const wide = { ...range };
  for (const span of spans) {
    if (!overlap(span, range)) continue;
    wide.start_time = Math.min(wide.start_time, span.start_time);
    wide.end_time = Math.max(wide.end_time, span.end_time);
  }
  return wide;
}

/** Returns the candles of a range; they are sorted by time. */
export function candlesWithin(candles: readonly Candle[], range: TimeRange): Candle[] {
  return candles.filter(({ time }) => range.start_time <= time && time <= range.end_time);
}

/** Returns whether two closed ranges share a candle. */
export function overlap(a: TimeRange, b: TimeRange): boolean {
  return a.start_time <= b.end_time && b.start_time <= a.end_time;
}

function union(covered: readonly TimeRange[], range: TimeRange): TimeRange[] {
  const touched = [range, ...covered.filter((one) => overlap(one, range))];
  const joined = {
    start_time: Math.min(...touched.map((one) => one.start_time)),
    end_time: Math.max(...touched.map((one) => one.end_time)),
  };
  return [...covered.filter((one) => !overlap(one, range)), joined];
}
