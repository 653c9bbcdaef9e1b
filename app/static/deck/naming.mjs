/** Who judges: asked once, shown below the verdicts, and changed there. */

import { el, keyed } from "./dom.mjs";
import { LONGEST_NAME } from "./memory.mjs";

export class Naming {
  #deck;
  #field = el("input", { type: "text", placeholder: "Your name", ariaLabel: "Your name", maxLength: LONGEST_NAME });
  #isChanging = false;
  line = el("div.who");

  /** @param {import("./deck.mjs").Deck} deck */
  constructor(deck) {
    this.#deck = deck;
    this.#field.onkeydown = ({ key }) => {
      if (key === "Enter") this.#take();
      else if (key === "Escape" && this.#isChanging) this.#leave();
    };
  }

  focus() {
    this.#field.focus();
  }

  /** Fills an element with the question; one that is there already keeps what is typed. */
  ask(element) {
    if (element.contains(this.#field)) return;
    element.replaceChildren(
      el("h3", {}, "Who is judging?"),
      el("p", {}, "The name goes with every verdict, so that two people's can be compared. It is asked once."),
      this.#field,
      keyed("Start", "Enter", () => this.#take(), { kind: "primary" }),
      keyed("Go on without a name", "", () => this.#deck.setName(""), { kind: "quiet" }),
    );
    this.focus();
  }

  /** Says who judges. Answers come while a name is typed: the field stays until it is taken or left. */
  drawLine() {
    const deck = this.#deck;
    this.line.hidden = !deck.named;
    if (this.#isChanging) return;
    const name = deck.annotator || "no name";
    const whose = el("span.name", { title: name }, name);
    if (deck.standing.signed_in) return this.line.replaceChildren("Signed in as ", whose);
    const change = keyed("change", "", () => this.#change(), { kind: "link", title: "Judge under another name" });
    this.line.replaceChildren("Judging as ", whose, change);
  }

  #take() {
    if (!this.#field.value.trim()) return;
    this.#leave();
    this.#deck.setName(this.#field.value);
  }

  #change() {
    this.#isChanging = true;
    this.#field.value = this.#deck.annotator;
    this.line.replaceChildren(this.#field, keyed("Save", "Enter", () => this.#take()));
    this.focus();
    this.#field.select();
  }

  #leave() {
    this.#isChanging = false;
    this.#field.blur();
    this.drawLine();
  }
}
