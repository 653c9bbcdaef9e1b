/** Spans on the candles that are loaded: which candles each covers, how high, and in which lane. */

import { extentOf } from "../spans/candle-axis";
import type { Candle } from "../types";
import type { OverlaySpan } from "./model";

export interface Mark {
  span: OverlaySpan;
  first: number;
  last: number;
  low: number;
  high: number;
  /** The first candle that is hatched; null for none. */
  hatched: number | null;
  /** Of marks over the same candles no two share a lane; the shorter ones have the inner lanes. */
  lane: number;
}

const LANES = 6;

/** The marks of the spans that lie on the candles, by their first one. */
export function marksOf(spans: readonly OverlaySpan[], candles: readonly Candle[]): Mark[] {
  const marks = spans.flatMap((span) => markOf(span, candles));
  giveLanes(marks);
  return marks.sort((one, other) => one.first - other.first);
}

function markOf(span: OverlaySpan, candles: readonly Candle[]): Mark[] {
  const extent = extentOf(candles, span);
  if (extent === null) return [];
  const { first, last } = extent;
  return [
    { span, first, last, ...lowHigh(candles, first, last), hatched: hatchedOf(span, candles), lane: 0 },
  ];
}

function hatchedOf({ provisional_from, end_time }: OverlaySpan, candles: readonly Candle[]): number | null {
  if (provisional_from === null || provisional_from > end_time) return null;
  return extentOf(candles, { start_time: provisional_from, end_time })?.first ?? null;
}

/** Lowest and highest price from one candle to another, both included; low is above high where there is none. */
export function lowHigh(
  candles: readonly Candle[],
  first: number,
  last: number,
): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let at = first; at <= last; at += 1) {
    const candle = candles[at];
    if (candle === undefined) continue;
    if (candle.low < low) low = candle.low;
    if (candle.high > high) high = candle.high;
  }
  return { low, high };
}

/** The place of the first mark that starts at a candle or later, of marks by their first candle. */
export function firstFrom(marks: readonly Mark[], first: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle]?.first ?? 0) < first) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lowest and highest price of the marks between two candles; null without. `longest` is that of all marks. */
export function pricesOf(
  marks: readonly Mark[],
  { longest, from, to }: { longest: number; from: number; to: number },
): { minValue: number; maxValue: number } | null {
  let minValue = Number.POSITIVE_INFINITY;
  let maxValue = Number.NEGATIVE_INFINITY;
  for (let at = firstFrom(marks, from - longest); at < marks.length; at += 1) {
    const mark = marks[at];
    if (mark === undefined || mark.first > to) break;
    if (mark.last < from) continue;
    minValue = Math.min(minValue, mark.low);
    maxValue = Math.max(maxValue, mark.high);
  }
  return minValue <= maxValue ? { minValue, maxValue } : null;
}

/** Gives each mark the innermost lane that is free over its candles, the shortest mark first. */
function giveLanes(marks: readonly Mark[]): void {
  const lanes = Array.from({ length: LANES }, () => new Lane());
  const shortestFirst = [...marks].sort(
    (one, other) => one.last - one.first - (other.last - other.first) || one.first - other.first,
  );
  for (const mark of shortestFirst) {
    const free = lanes.findIndex((lane) => lane.take(mark));
    mark.lane = free === -1 ? LANES - 1 : free;
  }
}

/** Ranges that do not overlap, by their first candle. */
class Lane {
  readonly #taken: Mark[] = [];

  /** Takes the mark's candles and says so, unless one of them is taken. */
  take(mark: Mark): boolean {
    let low = 0;
    let high = this.#taken.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#taken[middle]?.first ?? 0) <= mark.first) low = middle + 1;
      else high = middle;
    }
    const before = this.#taken[low - 1];
    const after = this.#taken[low];
    if (before !== undefined && before.last >= mark.first) return false;
    if (after !== undefined && after.first <= mark.last) return false;
    this.#taken.splice(low, 0, mark);
    return true;
  }
}
