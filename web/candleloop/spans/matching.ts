/**
 * Two layers of spans side by side, by the same rules as the service's own comparison (`mllib/disagreement.py`):
 * one to one, the highest intersection over union first and none below a half; first within a label, then the rest.
 */

import type { Candle, TimeRange } from "../types";
import { extentOf } from "./candle-axis";

const LEAST_IOU = 0.5;

export interface Labelled extends TimeRange {
  label: string;
}

/** The two spans about the same candles, by their place in the lists compared; null where one is missing. */
export interface Pair {
  a: number | null;
  b: number | null;
  /** How many candles later `b` starts and ends than `a`; null where one is missing. */
  start_bars: number | null;
  end_bars: number | null;
}

interface Placed {
  index: number;
  label: string;
  /** Half open, in candles. */
  start: number;
  end: number;
}

interface Overlap {
  a: Placed;
  b: Placed;
  iou: number;
}

/** Every span of both layers that lies on the candles exactly once. Linear in overlaps, apart from sorting. */
export function compare(a: readonly Labelled[], b: readonly Labelled[], candles: readonly Candle[]): Pair[] {
  const [placedA, placedB] = [placed(a, candles), placed(b, candles)];
  const found = overlaps(placedA, placedB);
  const free = { a: new Set(placedA), b: new Set(placedB) };
  const matched = [
    ...taken(
      found.filter((one) => one.a.label === one.b.label),
      free,
    ),
    ...taken(found, free),
  ];
  return [
    ...matched.map((one) => ({
      a: one.a.index,
      b: one.b.index,
      start_bars: one.b.start - one.a.start,
      end_bars: one.b.end - one.a.end,
    })),
    ...[...free.a].map(({ index }) => ({ a: index, b: null, start_bars: null, end_bars: null })),
    ...[...free.b].map(({ index }) => ({ a: null, b: index, start_bars: null, end_bars: null })),
  ];
}

function placed(spans: readonly Labelled[], candles: readonly Candle[]): Placed[] {
  return spans.flatMap((span, index) => {
    const extent = extentOf(candles, span);
    return extent === null ? [] : [{ index, label: span.label, start: extent.first, end: extent.last + 1 }];
  });
}

/** Every pair that shares at least half of its union, the highest share first, ties by place in the lists. */
function overlaps(a: readonly Placed[], b: readonly Placed[]): Overlap[] {
  const sorted = [...b].sort((one, other) => one.start - other.start);
  const longest = Math.max(0, ...b.map(({ start, end }) => end - start));
  const found: Overlap[] = [];
  for (const one of a) {
    for (let at = firstAfter(sorted, one.start - longest); at < sorted.length; at += 1) {
      const other = sorted[at];
      if (other === undefined || other.start >= one.end) break;
      const iou = iouOf(one, other);
      if (iou >= LEAST_IOU) found.push({ a: one, b: other, iou });
    }
  }
  return found.sort((p, q) => q.iou - p.iou || p.a.index - q.a.index || p.b.index - q.b.index);
}

/** The place of the first span that starts after a candle. */
function firstAfter(sorted: readonly Placed[], start: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.start ?? Number.POSITIVE_INFINITY) <= start) low = middle + 1;
    else high = middle;
  }
  return low;
}

function iouOf(one: Placed, other: Placed): number {
  const shared = Math.min(one.end, other.end) - Math.max(one.start, other.start);
  if (shared <= 0) return 0;
  return shared / (one.end - one.start + (other.end - other.start) - shared);
}

/** The pairs that are formed in this order; what they take is free no longer. */
function taken(found: readonly Overlap[], free: { a: Set<Placed>; b: Set<Placed> }): Overlap[] {
  return found.filter(({ a, b }) => {
    if (!free.a.has(a) || !free.b.has(b)) return false;
    free.a.delete(a);
    free.b.delete(b);
    return true;
  });
}

/** Whether two ranges are about the same candles: they share at least half of all that they cover. */
export function areAboutTheSame(one: TimeRange, other: TimeRange, candles: readonly Candle[]): boolean {
  const [a, b] = [extentOf(candles, one), extentOf(candles, other)];
  if (a === null || b === null) return false;
  const shared = Math.min(a.last, b.last) - Math.max(a.first, b.first) + 1;
  const union = Math.max(a.last, b.last) - Math.min(a.first, b.first) + 1;
  return shared > 0 && shared / union >= LEAST_IOU;
}
