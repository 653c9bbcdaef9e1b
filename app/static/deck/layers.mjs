/** A place's spans as the chart's layers: people solid, the model dashed, TA-Lib dotted, as in the annotators' chart. */

import { labelWords, ORIGINS } from "./words.mjs";

/**
 * @param {object} place as Python drew it
 * @param {{entry: object, layers: string[], threshold: number, said: object|null, draft: object|null,
 *   cutAt: number|null}} how `cutAt` hides what ends later (Unix s)
 * @returns {object[]}
 */
export function layersOf(place, { entry, layers, threshold, said, draft, cutAt }) {
  const visible = (span) => cutAt === null || span.end_time <= cutAt;
  const made = [];
  if (layers.includes("talib")) {
    made.push({ name: "TA-Lib", dash: "dot", width: 1.2, tags: "none", spans: place.talib.filter(visible) });
  }
  if (layers.includes("people")) {
    made.push({ name: "People", dash: "solid", width: 1.6, tags: "above", spans: place.people.filter(visible) });
  }
  const model = place.model.filter((span) => visible(span) && span.key !== place.focus);
  const focus = place.model.find((span) => span.key === place.focus);
  if (layers.includes("model")) {
    const spans = model.filter((span) => span.confidence >= threshold).map((span) => ({ ...span, faint: true }));
    made.push({ name: "Model", dash: "dash", width: 1.2, tags: "below", spans });
  }
  if (focus) {
    const mark = { ...focus, selected: draft === null, faint: Boolean(said) || draft !== null, outline: outlineOf(entry) };
    made.push({ name: "Place", dash: "dash", width: 2.4, tags: "below", spans: [mark] });
  }
  if (!focus && entry.origin) {
    const { start_time, end_time } = entry;
    const mark = { key: "range", label: "", words: "", tag: "", hover: "", start_time, end_time, color: "#7f8c99" };
    made.push({ name: "Place", dash: "dash", width: 1.6, tags: "none", spans: [mark] });
  }
  if (draft) made.push({ name: "Draft", dash: "solid", width: 2.6, tags: "above", spans: [draft] });
  return made;
}

/** The draft as the chart takes a span. */
export function draftSpan(draft, colors) {
  const words = draft.label ? labelWords(draft.label) : "choose a label";
  return {
    ...draft.span,
    key: "draft",
    label: draft.label ?? "",
    words,
    tag: words,
    hover: words,
    color: colors[draft.label] ?? "#7f8c99",
    selected: true,
    faint: false,
    outline: null,
  };
}

/** Orange where people give another label, yellow where they have nothing, as in the annotators' chart. */
function outlineOf(entry) {
  if (!(entry?.origin in ORIGINS) || entry.origin !== "disagreement") return null;
  return entry.human ? "orange" : "yellow";
}

/** The candles up to a time, for a span whose later candles are hidden at once, before the server has answered. */
export function cut(candles, time) {
  let end = candles.time.length;
  while (end > 1 && candles.time[end - 1] > time) end -= 1;
  return Object.fromEntries(
    Object.entries(candles).map(([name, values]) => [name, values === null ? null : values.slice(0, end)]),
  );
}
