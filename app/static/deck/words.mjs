/** What the deck says, where it is said more than once. */

import { candleTime } from "../chart/words.mjs";

export const SAID = {
  confirm: "confirmed",
  correct: "corrected",
  dismiss: "dismissed",
  add: "added",
  skip: "skipped",
  nothing: "said that nothing is missing",
};

export const ORIGINS = {
  uncertainty: "unsure",
  committee: "models differ",
  disagreement: "differs from people",
  label_error: "suspicious label",
  audit: "random check",
};

export const KEYS = [
  ["Y", "confirm; without a prediction: nothing is missing"],
  ["E", "correct label or bounds"],
  ["X", "dismiss"],
  ["A", "add a span that the model missed"],
  ["S", "skip"],
  ["U", "undo, as often as you like"],
  ["Z", "take back what you said of this place"],
  ["J K", "next, previous place"],
  ["← →", "the same; while browsing the window before or after"],
  ["N", "note; Enter or Esc leaves the field"],
  ["W", "why the model says so, and what others said"],
  ["F", "hide the candles after the span"],
  ["T", "filters and layers"],
  ["Q B", "queue, browse"],
  ["0", "zoom back"],
  ["H", "these keys"],
];

export const EDITING_KEYS = [
  ["drag", "both bounds"],
  ["← →", "move the bound, with Shift by five candles"],
  ["Tab", "the other bound"],
  ["↑ ↓", "label, or its own key"],
  ["Enter", "save"],
  ["Esc", "leave"],
];

export function labelWords(label) {
  return label.replaceAll("_", " ");
}

/** Pair and timeframe of a series by its name. */
export function splitSeries(name) {
  const at = name.lastIndexOf(" ");
  return [name.slice(0, at), name.slice(at + 1)];
}

export function boundsWords(span, timeframe) {
  return `${candleTime(span.start_time, timeframe)} – ${candleTime(span.end_time, timeframe)}`;
}

export function plural(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en-GB")} ${n === 1 ? one : many}`;
}
