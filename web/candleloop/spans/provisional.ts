import type { Candle, TimeRange } from "../types";

/** The open from which on the model's word may still change: the newest candles of all that are loaded. */
export function provisionalFrom(candles: readonly Candle[], bars: number): number | null {
  return bars <= 0 ? null : (candles[Math.max(candles.length - bars, 0)]?.time ?? null);
}

/** Whether a span ends where the model's word may still change. */
export function isProvisional({ end_time }: TimeRange, from: number | null): boolean {
  return from !== null && end_time >= from;
}
