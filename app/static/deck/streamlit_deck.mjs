/** Mounts the deck as a Streamlit component: it stays across reruns and gets each answer. */

import { Deck } from "./deck.mjs";

const GONE_MS = 200;
const decks = new WeakMap();

/** What the component's script calls after each answer; the deck itself stays. */
export function mount({ data, parentElement, setStateValue }) {
  let deck = decks.get(parentElement);
  if (!deck) decks.set(parentElement, (deck = new Deck(parentElement, data)));
  const turn = deck.receive(data, (ask) => setStateValue("ask", ask));
  // Streamlit also calls this for a call that was overtaken by the next one.
  return () =>
    setTimeout(() => {
      if (deck.turn !== turn) return;
      deck.close();
      decks.delete(parentElement);
    }, GONE_MS);
}
