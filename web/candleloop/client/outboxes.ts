/** One outbox a series on a page, shared by all that change it. */

import type { Series } from "../types";
import { endpointsOf } from "./endpoints";
import { browserStorage, seriesKept } from "./operation-store";
import { Outbox } from "./outbox";

const outboxes = new Map<string, Outbox>();

/** Returns the page's outbox of a series. */
export function outboxOf(base: string, { pair, timeframe }: Series): Outbox {
  const key = JSON.stringify([base, pair, timeframe]);
  const known = outboxes.get(key);
  if (known !== undefined) return known;
  const outbox = new Outbox({ series: { pair, timeframe }, endpoints: endpointsOf(base) });
  // A server renders for many people: it keeps none.
  if (typeof window !== "undefined") outboxes.set(key, outbox);
  return outbox;
}

/** Sends what waits of every series, also of those that are not on the screen. */
export function wakeOutboxes(base: string): void {
  for (const series of seriesKept(browserStorage())) outboxOf(base, series);
  for (const outbox of outboxes.values()) if (outbox.base === base) outbox.wake();
}

/** Returns how many changes of all series wait to be sent, those from before a reload included. */
export function changesKept(base: string): number {
  const waiting = seriesKept(browserStorage()).map((series) => outboxOf(base, series).snapshot().operations);
  return waiting.flat().length;
}
