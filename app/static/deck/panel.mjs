/** What is said of the place on screen, and what can be said of it. */

import { Ending } from "./ending.mjs";
import { el, keyed } from "./dom.mjs";
import { Naming } from "./naming.mjs";
import { asOfWords, lookedFor, meaningOf, progress, reasonOf } from "./paragraphs.mjs";
import { boundsWords, labelWords, plural } from "./words.mjs";

const LONGEST_NOTE = 500;
const LONG_NOTE = 420;

export class Panel {
  #deck;
  #body = el("div.body");
  #notice = el("div.notice", { role: "status" });
  #refused = el("div.refused");
  #note = el("input", { type: "text", placeholder: "Note (N)", ariaLabel: "Note", maxLength: LONGEST_NOTE, tabIndex: -1 });
  #room = el("span.room", { role: "status" });
  #noteField = el("div.note", {}, this.#note, this.#room);
  #naming;

  constructor(deck) {
    this.#deck = deck;
    this.#naming = new Naming(deck);
    this.element = el("aside.panel", {}, this.#body, this.#notice, this.#refused, this.#naming.line);
    this.#note.oninput = () => {
      deck.note = this.#note.value;
      this.#drawRoom();
    };
    this.#note.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === "Escape") this.#note.blur();
    };
  }

  draw() {
    const deck = this.#deck;
    this.#notice.textContent = deck.notice ?? "";
    this.#drawRefused();
    this.#naming.drawLine();
    if (!deck.named) return this.#naming.ask(this.#body);
    const typing = this.#note.matches(":focus"); // asked first: what is built takes the field away from the page
    const content = deck.draft ? this.#editing() : this.#reviewing();
    this.#body.replaceChildren(...content.filter(Boolean));
    // While a place is loaded anew there is no field; whoever types goes on typing, and no letter becomes a verdict.
    if (typing && !this.#note.isConnected) this.#body.append(this.#noteField);
    if (this.#note.value !== deck.note) this.#note.value = deck.note;
    this.#drawRoom();
    if (typing) this.focusNote();
  }

  /** Says how much of a note fits, once it is long. */
  #drawRoom() {
    const { length } = this.#note.value;
    const words = length < LONGEST_NOTE ? `${length} of ${LONGEST_NOTE}` : `${LONGEST_NOTE} characters: no more fits`;
    this.#room.textContent = length < LONG_NOTE ? "" : words;
  }

  focusNote() {
    if (this.#note.isConnected) this.#note.focus();
  }

  askName() {
    this.draw();
    this.#naming.focus();
  }

  // ---- judging

  #reviewing() {
    const deck = this.#deck;
    if (deck.standing.model === null && deck.entry === null) return Ending.noModel(deck);
    if (deck.entry === null) return this.#nothing();
    const { place } = deck;
    if (place === null) return [el("p.quiet", {}, "Loading the place …")];
    if (place.error) return [el("h3", {}, "This place cannot be shown"), el("p", {}, place.error), this.#moves()];
    if (deck.looksForMissed) return this.#range();
    return deck.focus === null ? this.#window() : this.#prediction();
  }

  #nothing() {
    const deck = this.#deck;
    if (deck.browsing) return [progress(deck.conversation.browseProgress, "Reading the series")];
    const { entries, error } = deck.state.queue;
    if (error) return [el("h3", {}, "There is no queue"), el("p", {}, error), keyed("Try again", "", () => deck.newQueue())];
    if (entries === null) return [progress(deck.conversation.queueProgress, "Looking for the places worth a minute")];
    return entries.length ? Ending.ofQueue(deck) : Ending.emptyQueue(deck);
  }

  #window() {
    const deck = this.#deck;
    const known = deck.standing.model !== null;
    return [
      el("h3", {}, `${deck.entry.pair} ${deck.entry.timeframe}`),
      known
        ? el("p", {}, "Nothing is selected. Click a dashed span to judge it, or add one that is missing.")
        : el("p", {}, "No model yet. Mark what you see with A; Train makes a first model of it."),
      keyed("Add a span", "A", () => deck.startAdding()),
      known ? null : el("a.button", { href: "train", target: "_self" }, "Go to Train"),
      this.#moves(),
    ];
  }

  #range() {
    const deck = this.#deck;
    const { entry } = deck;
    const said = deck.saidOf(entry);
    return [
      el("h3", {}, "Nothing predicted here"),
      el("p.quiet", {}, boundsWords(entry, entry.timeframe)),
      reasonOf(entry),
      el("p", {}, "Is anything missing between the dashed lines? Add it, or say that all was looked at."),
      lookedFor(deck.labelsLookedFor),
      said ? this.#judged(said) : this.#missed(),
    ];
  }

  #missed() {
    const deck = this.#deck;
    return el(
      "div.verdicts",
      {},
      keyed("Nothing is missing", "Y", () => deck.judge("nothing"), { kind: "primary" }),
      el(
        "div.pair",
        {},
        keyed("Add", "A", () => deck.startAdding(), { title: "Add a span that the model missed" }),
        keyed("Skip", "S", () => deck.judge("skip")),
      ),
      this.#noteField,
      this.#moves(),
    );
  }

  #prediction() {
    const deck = this.#deck;
    const said = deck.saidOf(deck.entry);
    return [...this.#about(), said ? this.#judged(said) : this.#verdicts(), this.#others(), this.#why()];
  }

  #about() {
    const { entry, focus, place, standing, state } = this.#deck;
    return [
      el(
        "h3.label",
        {},
        el("i.dot", { style: `background:${standing.colors[focus.label] ?? "#7f8c99"}` }),
        el("span", {}, labelWords(focus.label)),
        el("b", {}, focus.confidence.toFixed(2)),
      ),
      el(
        "p.quiet",
        {},
        boundsWords(focus, entry.timeframe),
        el("br"),
        `${plural(focus.candle_count, "candle")} · model v${entry.model_version}`,
      ),
      reasonOf(entry),
      meaningOf(entry),
      state.view.hidden_after ? el("p.as-of", {}, asOfWords(place)) : null,
    ];
  }

  #verdicts() {
    const deck = this.#deck;
    return el(
      "div.verdicts",
      {},
      keyed("Confirm", "Y", () => deck.judge("confirm"), { kind: "primary" }),
      el(
        "div.pair",
        {},
        keyed("Correct", "E", () => deck.startCorrecting()),
        keyed("Dismiss", "X", () => deck.judge("dismiss")),
      ),
      el(
        "div.pair",
        {},
        keyed("Add", "A", () => deck.startAdding(), { title: "Add a span that the model missed" }),
        keyed("Skip", "S", () => deck.judge("skip")),
      ),
      this.#noteField,
      this.#moves(),
    );
  }

  #judged(said) {
    const deck = this.#deck;
    const where = said.elsewhere ? " in another tab" : "";
    return el(
      "div.verdicts",
      {},
      el("p.said", { data: { action: said.action } }, `You ${said.words}${where}`),
      said.note ? el("p.quiet", {}, `“${said.note}”`) : null,
      said.client_id || said.verdict_id ? keyed("Take back", "Z", () => deck.takeBack()) : null,
      keyed("Add", "A", () => deck.startAdding(), { title: "Add a span that the model missed" }),
      this.#moves(),
    );
  }

  #undo() {
    const deck = this.#deck;
    const n = deck.sayings.depth;
    return keyed(n ? `Undo (${n})` : "Undo", "U", () => deck.undo(), { kind: "quiet", disabled: n === 0 });
  }

  #moves() {
    const deck = this.#deck;
    return el(
      "div.moves",
      {},
      keyed("Back", "K", () => deck.step(-1), { kind: "quiet", title: "The place before" }),
      keyed("Next", "J", () => deck.step(1), { kind: "quiet", title: "The next place" }),
      this.#undo(),
    );
  }

  #others() {
    const deck = this.#deck;
    const { others } = deck.place;
    if (!others.length) return null;
    if (!deck.state.why && deck.saidOf(deck.entry) === null) {
      return el("p.quiet", {}, `${plural(others.length, "verdict")} of others here; W shows them.`);
    }
    return el(
      "ul.others",
      {},
      ...others.map((one) => el("li", {}, `${one.annotator ?? "someone"} ${one.words}${one.note ? `: “${one.note}”` : ""}`)),
    );
  }

  #why() {
    const deck = this.#deck;
    const head = keyed("Why?", "W", () => deck.toggleWhy(), { kind: "quiet", pressed: deck.state.why });
    if (!deck.state.why) return head;
    const found = deck.shelf.reasonsFor(deck.entry.key);
    if (deck.place.peeked) return el("div.why", {}, head, el("p.quiet", {}, "The model does not say this of the candles shown."));
    if (!found) return el("div.why", {}, head, el("p.quiet", {}, "Looking …"));
    if (found.error) return el("div.why", {}, head, el("p.quiet", {}, found.error));
    const rows = found.reasons.map((one) =>
      el("li", { data: { speaks: one.for ? "for" : "against" } }, `${one.words} `, el("small", {}, `${Math.round(one.share * 100)}%`)),
    );
    return el("div.why", {}, head, el("ul", {}, ...rows));
  }

  // ---- correcting and adding

  #editing() {
    const deck = this.#deck;
    const { draft, standing } = deck;
    const byName = new Map(standing.labels.map((one) => [one.name, one]));
    const choices = draft.labels.map((name) => {
      const one = byName.get(name);
      const choice = keyed(one.words, one.key ?? "", () => this.#choose(name), { pressed: name === draft.label });
      choice.prepend(el("i.dot", { style: `background:${one.color}` }));
      return choice;
    });
    const list = el("div.choices", {}, ...choices);
    queueMicrotask(() => list.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest" }));
    return [
      el("h3", {}, draft.action === "add" ? "Add a missed span" : "Correct"),
      el("p.quiet", {}, "Drag over the candles, or move a bound with the arrow keys."),
      this.#bounds(),
      list,
      this.#noteField,
      el(
        "div.pair",
        {},
        keyed("Save", "Enter", () => deck.saveDraft(), { kind: "primary", disabled: !draft.changed }),
        keyed("Leave", "Esc", () => deck.leaveDraft()),
      ),
    ];
  }

  #bounds() {
    const deck = this.#deck;
    const { draft, entry } = deck;
    const [first, last] = boundsWords(draft.span, entry.timeframe).split(" – ");
    const bound = (which, words) =>
      keyed(words, "", () => this.#activate(which), { pressed: draft.active === which, title: `The ${which} moves with ← →` });
    return el(
      "div.bounds",
      {},
      bound("start", first),
      bound("end", last),
      el("span.quiet", {}, plural(draft.bars, "candle")),
    );
  }

  #choose(name) {
    this.#deck.draft.label = name;
    this.#deck.drawPlace();
  }

  #activate(which) {
    this.#deck.draft.active = which;
    this.#deck.drawPlace();
  }

  // ---- what was refused

  #drawRefused() {
    const deck = this.#deck;
    const cards = deck.outbox.refused().map((one) =>
      el(
        "div.card",
        {},
        el("b", {}, "Not saved"),
        el("p", {}, one.refused),
        el(
          "div.pair",
          {},
          one.entry ? keyed("Go there", "", () => deck.goToRefused(one)) : null,
          keyed("Drop it", "", () => deck.dropRefused(one.client_id), { kind: "quiet" }),
        ),
      ),
    );
    this.#refused.replaceChildren(...cards);
  }
}
