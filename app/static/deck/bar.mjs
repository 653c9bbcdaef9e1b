/** The line above the chart (mode, series, progress, saving), the filters, the keys, and the hints below. */

import { el, keyed } from "./dom.mjs";
import { EDITING_KEYS, KEYS, labelWords, plural } from "./words.mjs";

const WINDOWS = [80, 160, 320, 640, 1000];
const LAYERS = [
  ["people", "━ People"],
  ["model", "┅ Model"],
  ["talib", "┈ TA-Lib"],
];
const HINTS = ["Y confirm", "E correct", "X dismiss", "A add", "S skip", "U undo", "J K next, previous", "H all keys"];
const MISSED_HINTS = ["Y nothing is missing", "A add", "S skip", "U undo", "J K next, previous", "H all keys"];
const EDITING_HINTS = EDITING_KEYS.map(([key, words]) => `${key} ${words}`);

export class Bar {
  #deck;
  #saving = el("span.saving");
  #overlay = el("div.overlay");
  #filters = el("div.filters");
  #line = el("div.line");
  #filtersFor = null;

  constructor(deck) {
    this.#deck = deck;
    this.element = el("div.bar", {}, this.#line, this.#overlay, this.#filters);
    // A choice that keeps the focus would keep the keys. A year that is being typed is no choice yet.
    this.element.addEventListener("change", ({ target }) => target.validity.valid && target.blur());
    this.hints = el("div.hints");
  }

  draw() {
    const deck = this.#deck;
    this.#line.replaceChildren(
      this.#modes(),
      deck.browsing ? this.#series() : el("span.place-name", {}, this.#placeName()),
      this.#progress(),
      el("span.spacer"),
      this.#saving,
      keyed("As of", "F", () => deck.setHidden(!deck.state.view.hidden_after), {
        kind: "quiet",
        pressed: deck.state.view.hidden_after,
        title: "Hide the candles after the span, for you and for the model",
      }),
      keyed("Filters", "T", () => deck.toggle("filters"), { kind: "quiet", pressed: deck.overlay === "filters" }),
      keyed("Keys", "H", () => deck.toggle("keys"), { kind: "quiet", pressed: deck.overlay === "keys" }),
    );
    this.drawSaving();
    this.#drawOverlay();
    this.#drawFilters();
    const hints = deck.draft ? EDITING_HINTS : deck.looksForMissed ? MISSED_HINTS : HINTS;
    this.hints.replaceChildren(...hints.map(hint));
  }

  /** Says whether everything said is stored. */
  drawSaving() {
    const waiting = this.#deck.outbox.waiting();
    const refused = this.#deck.outbox.refused().length;
    const delayed = waiting.find((one) => one.delayed)?.delayed;
    const late = this.#deck.conversation.lateFor > 0;
    let [state, words] = ["saved", "saved"];
    if (refused) [state, words] = ["failed", `${plural(refused, "verdict")} refused`];
    else if (waiting.length && delayed) [state, words] = ["late", `not saved yet: ${delayed}`];
    else if (this.#deck.conversation.trouble) [state, words] = ["late", this.#deck.conversation.trouble];
    else if (late) [state, words] = ["late", waiting.length ? this.#lateWords(waiting.length) : "the console does not answer"];
    else if (waiting.length) [state, words] = ["busy", `saving ${waiting.length}`];
    this.#saving.dataset.state = state;
    this.#saving.textContent = words;
    this.#saving.title = words;
  }

  #lateWords(n) {
    return `${n} not saved yet: the console does not answer; kept in this browser`;
  }

  #modes() {
    const deck = this.#deck;
    return el(
      "span.segments",
      {},
      keyed("Queue", "Q", () => deck.setMode("queue"), { pressed: !deck.browsing }),
      keyed("Browse", "B", () => deck.setMode("browse"), { pressed: deck.browsing }),
    );
  }

  #placeName() {
    const { entry } = this.#deck;
    return entry ? `${entry.pair} ${entry.timeframe}` : "";
  }

  #series() {
    const deck = this.#deck;
    const { series } = deck.state.browse;
    const choice = el("select", { ariaLabel: "Series", tabIndex: -1 });
    choice.append(...deck.standing.series.map((name) => el("option", { value: name, selected: name === series }, name)));
    choice.onchange = () => deck.browse({ series: choice.value, at: null });
    const day = el("input", { type: "date", ariaLabel: "Go to a day", title: "Go to a day", tabIndex: -1 });
    const { first_time: first, last_time: last } = deck.state.browse;
    if (first) Object.assign(day, { min: isoDay(first), max: isoDay(last) });
    day.onchange = () => {
      const noon = Date.parse(`${day.value}T12:00:00Z`) / 1000;
      if (!Number.isNaN(noon) && day.validity.valid) deck.showWindow(noon);
    };
    return el("span.group", {}, choice, day);
  }

  #progress() {
    const deck = this.#deck;
    const parts = [];
    const { at, entries } = deck.course;
    if (deck.browsing && !entries.length && deck.entry) {
      parts.push(`no prediction at ${deck.state.browse.threshold.toFixed(2)} or more`);
    } else if (deck.browsing && entries.length) {
      const { first, total } = deck.state.browse;
      const place = deck.course.detour === null && !deck.course.atEnd ? `${(first + at + 1).toLocaleString("en-GB")} of ` : "";
      parts.push(`${place}${plural(total, "prediction")}`);
    } else if (!deck.browsing && entries.length) {
      parts.push(`${Math.min(at + 1, entries.length)} of ${entries.length} in this queue`);
    }
    if (deck.sayings.today !== null) parts.push(`${deck.sayings.today.toLocaleString("en-GB")} labelled today`);
    return el("span.progress", {}, parts.join(", "));
  }

  #drawOverlay() {
    const shown = this.#deck.overlay === "keys";
    this.#overlay.hidden = !shown;
    if (!shown) return this.#overlay.replaceChildren();
    this.#overlay.replaceChildren(
      el("h4", {}, "Keys"),
      keyList(KEYS),
      el("h4", {}, "While correcting or adding"),
      keyList(EDITING_KEYS),
      el("p", {}, "Drag pans, the wheel zooms, a double click shows the whole window. Times are UTC."),
    );
  }

  #drawFilters() {
    const deck = this.#deck;
    const shown = deck.overlay === "filters";
    this.#filters.hidden = !shown;
    const forWhat = shown ? JSON.stringify([deck.state.mode, deck.standing.known, deck.standing.series]) : null;
    if (forWhat === this.#filtersFor) return;
    this.#filtersFor = forWhat;
    if (!shown) return this.#filters.replaceChildren();
    this.#filters.replaceChildren(
      ...(deck.browsing ? this.#threshold() : this.#queueChoices()),
      el("h4", {}, "Layers"),
      el("div.checks", {}, ...LAYERS.map(([name, words]) => this.#layer(name, words))),
      el("h4", {}, "Window"),
      this.#windows(),
      el("h4", {}, "Predictions of these labels"),
      this.#labels(),
    );
  }

  #threshold() {
    const deck = this.#deck;
    const value = el("output", {}, deck.state.browse.threshold.toFixed(2));
    const slider = el("input", { type: "range", min: 0, max: 1, step: 0.01, ariaLabel: "Least confidence", tabIndex: -1 });
    slider.value = deck.state.browse.threshold;
    slider.oninput = () => (value.textContent = Number(slider.value).toFixed(2));
    slider.onchange = () => deck.browse({ threshold: Number(slider.value) });
    return [el("h4", {}, "Least confidence ", value), slider];
  }

  #queueChoices() {
    const deck = this.#deck;
    const series = el("select", { ariaLabel: "Series of the queue", tabIndex: -1 });
    const chosen = deck.state.series?.[0] ?? "";
    const names = [["", "all series"], ...deck.standing.series.map((name) => [name, name])];
    series.append(...names.map(([value, words]) => el("option", { value, selected: value === chosen }, words)));
    const size = el("select", { ariaLabel: "Places in the queue", tabIndex: -1 });
    size.append(...[20, 50, 100].map((n) => el("option", { value: n, selected: n === deck.state.size }, `${n} places`)));
    const anew = keyed("New queue", "", () => {
      deck.state.series = series.value ? [series.value] : null;
      deck.state.size = Number(size.value);
      deck.overlay = null;
      deck.newQueue();
    });
    return [el("h4", {}, "Queue"), el("div.group", {}, series, size, anew)];
  }

  #layer(name, words) {
    const deck = this.#deck;
    const box = el("input", { type: "checkbox", checked: deck.state.layers.includes(name), tabIndex: -1 });
    box.onchange = () => deck.setLayer(name, box.checked);
    return el("label", {}, box, words);
  }

  #windows() {
    const deck = this.#deck;
    const choice = el("select", { ariaLabel: "Window", tabIndex: -1 });
    choice.append(
      ...WINDOWS.map((n) => el("option", { value: n, selected: n === deck.state.view.bars }, `${n} candles or more`)),
    );
    choice.onchange = () => deck.setView({ bars: Number(choice.value) });
    return choice;
  }

  #labels() {
    const deck = this.#deck;
    const chosen = new Set(deck.state.view.labels ?? deck.standing.asked_about);
    const boxes = deck.standing.known.map((name) => {
      const box = el("input", { type: "checkbox", checked: chosen.has(name), tabIndex: -1 });
      box.onchange = () => {
        if (box.checked) chosen.add(name);
        else chosen.delete(name);
        deck.setView({ labels: [...chosen] });
      };
      const dot = el("i.dot", { style: `background:${deck.standing.colors[name] ?? "#7f8c99"}` });
      return el("label", {}, box, dot, labelWords(name));
    });
    return el("div.checks.labels", {}, ...boxes);
  }
}

function hint(words) {
  const [key, ...rest] = words.split(/ (?=[a-z])/);
  return el("span", {}, el("kbd", {}, key), ` ${rest.join(" ")}`);
}

function keyList(keys) {
  return el("dl", {}, ...keys.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, words)]));
}

function isoDay(time) {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

