/** The places that have been loaded, ready to draw, and the reasons for their predictions. */

import { unpacked } from "../chart/candle_data.mjs";

const KEPT = 60;

export class Shelf {
  #places = new Map();
  #reasons = new Map();
  #outdated = null;

  has(key) {
    return this.#places.has(key);
  }

  /** The place of a key as it is looked at now, else as it was before the view changed, else null. */
  get(key) {
    return this.#places.get(key) ?? (this.#outdated?.key === key ? this.#outdated : null);
  }

  /** Whether a place is here only as it was before the view changed. */
  isOutdated(key) {
    return this.#outdated?.key === key && !this.#places.has(key);
  }

  put(key, place) {
    this.#places.delete(key);
    this.#places.set(key, place.error ? place : unpackedPlace(place));
    if (this.#outdated?.key === key) this.#outdated = null;
    const spare = Math.max(this.#places.size - KEPT, 0);
    for (const old of [...this.#places.keys()].slice(0, spare)) this.#places.delete(old);
  }

  reasonsFor(key) {
    return this.#reasons.get(key) ?? null;
  }

  putReasons(key, found) {
    this.#reasons.set(key, found);
  }

  /** Has a place loaded anew when it is next needed. */
  forget(key) {
    this.#places.delete(key);
    this.#reasons.delete(key);
  }

  /** Has everything loaded anew; the place of one key stays as it is until then. */
  renew(key = null) {
    this.#outdated = key === null ? null : this.get(key);
    this.#places.clear();
    this.#reasons.clear();
  }
}

/** A place with its candles as numbers, beside the packed ones that the chart compares. */
function unpackedPlace(place) {
  const columns = Object.entries(place.candles).map(([name, values]) => [name, unpacked(values)]);
  const candles = Object.fromEntries(columns);
  return { ...place, packed: place.candles, candles, bars: candles.time.length };
}
