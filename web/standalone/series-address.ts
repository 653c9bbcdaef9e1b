/** The series in the page's address, so that a link opens it and a reload keeps it. */

import type { Series, StoredSeries } from "@/candleloop/types";

const NAME = "series";

export function wordsOf({ pair, timeframe }: Series): string {
  return `${pair} ${timeframe}`;
}

/** The series of an address's query; of an unknown one or none, the first that is stored. */
export function chosenIn(query: string, stored: readonly StoredSeries[]): StoredSeries | null {
  const asked = new URLSearchParams(query).get(NAME);
  return stored.find((one) => wordsOf(one) === asked) ?? stored[0] ?? null;
}

/** An address's query with another series in it. */
export function withChosen(query: string, series: Series): string {
  const changed = new URLSearchParams(query);
  changed.set(NAME, wordsOf(series));
  return `?${changed}`;
}
