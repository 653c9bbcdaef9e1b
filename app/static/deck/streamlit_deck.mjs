/** Mounts the deck as a Streamlit component: it stays across reruns and gets each answer. */

import { endOnceGone } from "../chart/gone.mjs";
import { Deck } from "./deck.mjs";

const decks = new WeakMap();

/** What the component's script calls after each answer; the deck itself stays. */
export function mount({ data, parentElement, setStateValue }) {
  let deck = decks.get(parentElement);
  if (!deck) decks.set(parentElement, (deck = new Deck(parentElement, data)));
  const turn = deck.receive(data, (ask) => setStateValue("ask", ask));
  const end = () => {
    deck.close();
    decks.delete(parentElement);
  };
  return () => endOnceGone(parentElement, () => deck.turn !== turn, end);
}
