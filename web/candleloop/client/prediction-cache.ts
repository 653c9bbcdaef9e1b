/** What the service said of ranges of a series, for as long as the same model serves. */

import type { Series, Span, TimeRange } from "../types";

export interface CacheKey extends Series, TimeRange {
  /** Tells apart what was asked with other prices, such as those of a candle that was still forming. */
  last_close: number | null;
}

/** Keeps the newest answers of one model version; another version drops them all. */
export class PredictionCache {
  private version: string | null = null;
  private readonly answers = new Map<string, readonly Span[]>();

  constructor(private readonly most = 64) {}

  /** Returns the spans known of exactly that range and version. */
  find(version: string, key: CacheKey): readonly Span[] | null {
    if (version !== this.version) return null;
    const found = this.answers.get(textOf(key));
    if (found === undefined) return null;
    this.put(textOf(key), found);
    return found;
  }

  keep(version: string, key: CacheKey, spans: readonly Span[]): void {
    this.follow(version);
    this.put(textOf(key), spans);
    if (this.answers.size <= this.most) return;
    const [oldest] = this.answers.keys();
    if (oldest !== undefined) this.answers.delete(oldest);
  }

  /** Drops what another version said. */
  follow(version: string): void {
    if (version === this.version) return;
    this.answers.clear();
    this.version = version;
  }

  private put(text: string, spans: readonly Span[]): void {
    // A Map keeps the order of insertion: what is put anew is the newest.
    this.answers.delete(text);
    this.answers.set(text, spans);
  }
}

function textOf({ pair, timeframe, start_time, end_time, last_close }: CacheKey): string {
  return JSON.stringify([pair, timeframe, start_time, end_time, last_close]);
}
