/** Paragraphs of the panel that depend on nothing but what they tell of. */

import { el } from "./dom.mjs";
import { labelWords, ORIGINS, plural } from "./words.mjs";

const FEW_LABELS = 6;

/** Which labels nothing is missing of: a few by name, many by number. */
export function lookedFor(labels) {
  const names = labels.map(labelWords).join(", ");
  const few = labels.length <= FEW_LABELS ? names : plural(labels.length, "label");
  return el("p.quiet", { title: names }, `Look for: ${few || "no label; choose some with T"}`);
}

/** Why the queue has a place, in words. */
export function reasonOf(entry) {
  if (!entry.why) return null;
  const origin = ORIGINS[entry.origin];
  return el("p.reason", { title: entry.regime ?? "" }, origin ? el("span.badge", {}, origin) : null, sentence(entry.why));
}

/** What the verdicts mean on a label that a person gave and the model doubts. */
export function meaningOf({ origin, label, human }) {
  if (origin !== "label_error" || human?.label !== label) return null;
  const drawn = `the ${labelWords(human.label)} that ${human.annotator ?? "someone"} drew`;
  return el("p.quiet.meaning", {}, `Confirm: ${drawn} is right.`, el("br"), `Dismiss: ${drawn} is wrong.`);
}

function sentence(words) {
  const trimmed = words.trim().replace(/\.$/, "");
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}

/** What is hidden, and what that means for the model. */
export function asOfWords(place) {
  if (place.as_of === null) return "Later candles are hidden; the model looks again …";
  return place.peeked
    ? "Later candles are hidden. Of those that are left the model does not say this."
    : "Later candles are hidden, also from the model: this is what it says without them.";
}

/** How far long work is. */
export function progress(task, words) {
  const share = Math.round(100 * (task?.progress ?? 0));
  return el(
    "div.working",
    {},
    el("p", {}, `${words} …`),
    el("progress", { max: 100, value: share }),
    el("p.quiet", {}, task?.stage ?? ""),
  );
}
