/** The places that have been loaded, ready to draw, and the reasons for their predictions. */

import { unpacked } from "../chart/candle_data.mjs";

const KEPT = 60;
const VIEWS_KEPT = 3;

export class Shelf {
  #views = new Map();
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
    dropOldest(this.#places, KEPT);
  }

  reasonsFor(key) {
    return this.#reasons.get(key) ?? null;
  }

  putReasons(key, found) {
    this.#reasons.set(key, found);
  }

  /** Has a place loaded anew when it is next needed. */
  forget(key) {
    for (const { places } of this.#views.values()) places.delete(key);
    this.#reasons.delete(key);
  }

  /** Of every view of a place: this annotator has said nothing of it any more. */
  unsay(key) {
    for (const { places } of this.#views.values()) {
      if (places.has(key)) places.get(key).mine = null;
    }
  }

  /** Of every place of the series: a span that was added is there no more. */
  dropAdded({ pair, timeframe, ...span }) {
    const isOfSeries = (key) => key.startsWith(`${pair}|${timeframe}|`) || key.startsWith(`${pair} ${timeframe}|`);
    for (const { places } of this.#views.values()) {
      for (const [key, place] of places) {
        if (place.people && isOfSeries(key)) place.people = place.people.filter((one) => !isSameSpan(one, span));
      }
    }
  }

  /** Turns to places as they are in a view; the place of `key` stays as it is until it has been loaded so. */
  lookAt(view, key = null) {
    const before = key === null ? null : this.get(key);
    const kept = this.#views.get(view) ?? { places: new Map(), reasons: new Map() };
    this.#views.delete(view);
    this.#views.set(view, kept);
    dropOldest(this.#views, VIEWS_KEPT);
    this.#places = kept.places;
    this.#reasons = kept.reasons;
    this.#outdated = before;
  }
}

/** Whether two spans have one label and the same bounds. */
export function isSameSpan(one, other) {
  return ["label", "start_time", "end_time"].every((name) => one[name] === other[name]);
}

function dropOldest(map, most) {
  const spare = Math.max(map.size - most, 0);
  for (const key of [...map.keys()].slice(0, spare)) map.delete(key);
}

/** A place with its candles as numbers, beside the packed ones that the chart compares. */
function unpackedPlace(place) {
  const columns = Object.entries(place.candles).map(([name, values]) => [name, unpacked(values)]);
  const candles = Object.fromEntries(columns);
  return { ...place, packed: place.candles, candles, bars: candles.time.length };
}
