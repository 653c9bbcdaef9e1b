/** What there is to say where no place is left: of a queue that is done, one that is empty, and before a model. */

import { el, keyed } from "./dom.mjs";
import { labelWords, plural } from "./words.mjs";

export const Ending = {
  /** The queue is done: what was said in it, and how often the model was right. */
  ofQueue(deck) {
    const entries = new Set(deck.state.queue.entries.map((entry) => entry.key));
    const said = Object.entries(deck.state.marks).filter(([key]) => entries.has(key));
    const actions = said.map(([, mark]) => mark.action);
    const count = (action) => actions.filter((one) => one === action).length;
    const judged = count("confirm") + count("correct") + count("dismiss");
    const isDone = said.length >= entries.size;
    const added = deck.sayings.all.filter((one) => one.action === "add").length;
    const rows = [
      ["confirmed", count("confirm")],
      ["corrected", count("correct")],
      ["dismissed", count("dismiss")],
      ["added", added],
      ["nothing missing", count("nothing")],
      ["skipped", count("skip")],
    ].filter(([, n]) => n > 0);
    return [
      el("h3", {}, isDone ? "This queue is done" : "The end of this queue"),
      isDone ? null : el("p", {}, `You have seen all ${plural(entries.size, "place")} and judged ${judged}.`),
      el("dl.sums", {}, ...rows.flatMap(([words, n]) => [el("dt", {}, words), el("dd", {}, String(n))])),
      judged ? el("p", {}, `The model was right in ${count("confirm")} of ${judged} (${percent(count("confirm"), judged)}).`) : null,
      ...byLabel(deck, said),
      el("a.button.primary", { href: "train", target: "_self" }, "Train with these"),
      keyed("Another queue", "", () => deck.newQueue()),
      keyed("Browse", "B", () => deck.setMode("browse"), { kind: "quiet" }),
      keyed("Undo", "U", () => deck.undo(), { kind: "quiet", disabled: !deck.sayings.depth }),
    ];
  },

  emptyQueue(deck) {
    return [
      el("h3", {}, "Nothing more is worth a minute"),
      el("p", {}, "Browse a series in order of time, or train with what is labelled."),
      ...(deck.state.queue.notes ?? []).map((note) => el("p.quiet", {}, note)),
      keyed("Browse", "B", () => deck.setMode("browse"), { kind: "primary" }),
      el("a.button", { href: "train", target: "_self" }, "Go to Train"),
      keyed("Look again", "", () => deck.newQueue(), { kind: "quiet" }),
    ];
  },

  noModel(deck) {
    return [
      el("h3", {}, "No model yet"),
      el("p", {}, "Browse a series and mark what you see, then train a first model. Its predictions come here."),
      keyed("Browse", "B", () => deck.setMode("browse"), { kind: "primary" }),
      el("a.button", { href: "train", target: "_self" }, "Go to Train"),
    ];
  },
};

/** Of labels judged more than once, how often the model was right. */
function byLabel(deck, said) {
  const entries = new Map(deck.state.queue.entries.map((entry) => [entry.key, entry]));
  const tally = new Map();
  for (const [key, { action }] of said) {
    if (!["confirm", "correct", "dismiss"].includes(action)) continue;
    const { label } = entries.get(key);
    const [right, all] = tally.get(label) ?? [0, 0];
    tally.set(label, [right + (action === "confirm" ? 1 : 0), all + 1]);
  }
  const several = [...tally].filter(([, [, all]]) => all > 1).sort((a, b) => b[1][1] - a[1][1]);
  if (several.length < 2) return [];
  const rows = several.slice(0, 5).map(([label, [right, all]]) => el("li", {}, `${labelWords(label)}: ${right} of ${all}`));
  return [el("ul.others", { ariaLabel: plural(several.length, "label") }, ...rows)];
}

function percent(part, whole) {
  return `${Math.round((100 * part) / whole)}%`;
}
