/** Where a tab stands, and what of it belongs to each annotator alone. */

import { newId, tabState } from "./memory.mjs";

/** What a tab keeps for each annotator alone. */
const OWN = { said: [], marks: {}, notes: {} };

/** Where a tab begins. */
const FRESH = {
  mode: "queue",
  queue: { id: null, entries: null, at: 0, error: null },
  browse: { series: null, at: null, threshold: 0.7, total: 0, first: 0 },
  view: { bars: 160, hidden_after: false, labels: null },
  layers: ["people", "model"],
  size: 50,
  series: null,
  why: false,
  nameless: false,
  whose: null,
  others: {},
  ...OWN,
};

/** The state of this tab: as before a reload, else a fresh one. */
export function restored() {
  const state = { ...structuredClone(FRESH), ...tabState.load() };
  state.tab ??= newId();
  return state;
}

/** Puts away what another annotator said in this tab, and takes out what this one did; whether it was another. */
export function turnTo(state, annotator) {
  if (state.whose === annotator) return false;
  const isFirst = state.whose === null;
  if (!isFirst) {
    const { said, marks, notes, queue } = state;
    state.others[state.whose] = { said, marks, notes, at: queue.at };
  }
  state.whose = annotator;
  if (isFirst) return false;
  const { at, ...own } = state.others[annotator] ?? { ...structuredClone(OWN), at: 0 };
  Object.assign(state, own);
  state.queue.at = at;
  return true;
}
