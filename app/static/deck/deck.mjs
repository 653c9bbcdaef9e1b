/** The review deck: chart and verdict side by side; a key judges and draws the next place, which is already here. */

import { Bar } from "./bar.mjs";
import { Conversation } from "./conversation.mjs";
import { Course } from "./course.mjs";
import { el } from "./dom.mjs";
import { Draft } from "./editor.mjs";
import { listenToKeys } from "./keys.mjs";
import { annotatorName, newId, Outbox, tabState, toAddress } from "./memory.mjs";
import { Panel } from "./panel.mjs";
import { Sayings } from "./sayings.mjs";
import { isSameSpan, Shelf } from "./shelf.mjs";
import { Stage } from "./stage.mjs";
import { restored, turnTo } from "./tab.mjs";
import { labelWords, SAID, splitSeries } from "./words.mjs";

const JUDGED = "You have judged this already: take it back with Z, then judge it anew.";

export class Deck {
  turn = 0;
  state;
  standing;
  course = new Course();
  shelf = new Shelf();
  outbox = new Outbox();
  sayings;
  conversation;
  draft = null;
  notice = null;
  overlay = null;
  #stage;
  #panel;
  #bar;
  #root;
  #stopListening;
  #early = { key: null, n: 0 };

  /** @param {object} standing what Python tells with every answer: model, series, labels, who is signed in */
  constructor(parent, standing) {
    this.standing = standing;
    this.state = restored();
    turnTo(this.state, this.annotator);
    this.sayings = new Sayings(this.state, this.outbox, {
      annotator: () => this.annotator,
      onHeard: (key) => this.#changedElsewhere(key),
    });
    this.conversation = new Conversation(this);
    this.#bar = new Bar(this);
    this.#panel = new Panel(this);
    const chart = el("div.chart");
    this.#root = el("div.deck", {}, this.#bar.element, chart, this.#panel.element, this.#bar.hints);
    parent.append(this.#root);
    this.#stage = new Stage(chart, {
      onSelect: (key) => this.#clicked(key),
      onDrag: (range) => this.#dragged(range),
    });
    this.#stopListening = listenToKeys(this);
    this.#begin();
  }

  // ---- what there is

  get annotator() {
    return this.standing.signed_in ?? (annotatorName.get() || this.standing.name || "");
  }

  get named() {
    return Boolean(this.annotator) || this.state.nameless;
  }

  get browsing() {
    return this.state.mode === "browse";
  }

  get entry() {
    return this.course.current;
  }

  get place() {
    return this.entry === null ? null : this.shelf.get(this.entry.key);
  }

  /** What is typed for the place on screen, kept until a verdict takes it. */
  get note() {
    return this.state.notes[this.entry?.key] ?? "";
  }

  set note(words) {
    if (this.entry === null) return;
    if (words) this.state.notes[this.entry.key] = words;
    else delete this.state.notes[this.entry.key];
    this.#save();
  }

  /** What is asked about: in as-of mode what the model says without the later candles. */
  get focus() {
    const { place } = this;
    return place?.model?.find((span) => span.key === place.focus) ?? null;
  }

  /** Whether the place was drawn at random and the model says nothing there. */
  get looksForMissed() {
    return Boolean(this.entry?.origin) && this.entry.label === null;
  }

  /** What this annotator has said of an entry, here or elsewhere. */
  saidOf(entry) {
    if (!entry) return null;
    return this.sayings.markOf(entry.key) ?? this.shelf.get(entry.key)?.mine ?? null;
  }

  /** The labels that are looked for where the model says nothing. */
  get labelsLookedFor() {
    return this.state.view.labels ?? this.standing.asked_about;
  }

  get labelsOffered() {
    const asked = new Set(this.standing.asked_about);
    const names = this.standing.labels.map((one) => one.name);
    return [...names.filter((name) => asked.has(name)), ...names.filter((name) => !asked.has(name))];
  }

  // ---- verdicts

  judge(action, change = {}) {
    const { entry, focus } = this;
    if (this.looksForMissed && (action === "skip" || action === "nothing")) return this.#judgeRange(action);
    if (!this.#mayJudge()) return;
    const { label, start_time, end_time, confidence } = focus;
    const prediction = { label, start_time, end_time, confidence, model_version: entry.model_version };
    if (!this.#say({ action, prediction, ...change })) return;
    this.course.toNext((one) => this.saidOf(one) !== null);
    this.arrive();
  }

  startCorrecting() {
    if (this.#mayJudge()) this.#startDraft("correct", this.focus);
  }

  startAdding() {
    const { place } = this;
    if (place?.error) return;
    if (!this.named) return this.#panel.askName();
    if (!place) return this.#tooEarly();
    const { time } = place.candles;
    const middle = time[time.length >> 1];
    this.#startDraft("add", this.focus ?? { label: null, start_time: middle, end_time: middle });
  }

  saveDraft() {
    const { draft } = this;
    if (!draft.changed) {
      this.tell(draft.label ? "Nothing is changed: Y confirms it, Esc leaves." : "Choose a label first.");
      return;
    }
    if (draft.action === "add" && this.#isThere(draft.span)) {
      return this.tell("This span is there already: move a bound, choose another label, or leave with Esc.");
    }
    this.draft = this.notice = null;
    if (draft.action === "correct") this.judge("correct", draft.span);
    else this.#add(draft.span);
  }

  leaveDraft() {
    this.draft = this.notice = null;
    this.draw();
  }

  /** Takes back the last thing said in this tab and returns to its place. */
  undo() {
    const last = this.sayings.undo();
    if (last === null) return this.tell("Nothing is left to undo in this session.");
    this.#unsaid(last.key);
    if (last.action === "add") this.shelf.dropAdded(last);
    this.course.goTo(last.entry);
    const label = last.action === "add" ? last.label : last.entry.label && (last.label ?? last.entry.label);
    this.notice = `Undone: ${SAID[last.action]} ${labelWords(label ?? "")}`.trimEnd();
    this.arrive();
  }

  /** Takes back what this annotator said of the place on screen, in whichever session. */
  takeBack() {
    const said = this.saidOf(this.entry);
    if (said === null) return;
    this.sayings.takeBack(this.entry, said);
    this.#unsaid(this.entry.key);
    this.arrive();
  }

  dropRefused(clientId) {
    this.outbox.remove(clientId);
    this.draw();
  }

  goToRefused({ client_id: clientId, entry }) {
    this.outbox.remove(clientId);
    this.shelf.forget(entry.key);
    this.course.goTo(entry);
    this.arrive();
  }

  // ---- moving

  step(by) {
    this.conversation.stepped();
    if (this.conversation.waitsForSeries) return this.conversation.stepWhenKnown(by);
    this.course.step(by);
    this.notice = null;
    this.conversation.moreOfSeries();
    this.arrive();
  }

  /** While browsing: the window before or after; in the queue the place before or after. */
  turnPage(by) {
    const { place } = this;
    if (!this.browsing || !place || place.error) return this.step(by);
    const { time } = place.candles;
    this.showWindow(by < 0 ? time[0] : time[time.length - 1]);
  }

  /** Shows the candles around a time, with nothing selected. */
  showWindow(at) {
    const { series } = this.state.browse;
    const [pair, timeframe] = splitSeries(series);
    const key = `${series}|window|${at}`;
    this.course.detour = { key, pair, timeframe, label: null, start_time: at, end_time: at };
    this.course.alignTo(at);
    this.conversation.moreOfSeries(at);
    this.arrive();
  }

  setMode(mode) {
    this.draft = this.notice = null;
    this.state.mode = mode;
    this.takeCourse();
    this.arrive();
  }

  newQueue() {
    this.state.queue = { id: newId(), entries: null, at: 0, error: null };
    this.setMode("queue");
  }

  browse(change) {
    Object.assign(this.state.browse, change);
    this.setMode("browse");
  }

  // ---- looking

  setHidden(hidden) {
    this.notice = hidden ? "Candles after the span are hidden." : "All candles are shown.";
    this.setView({ hidden_after: hidden });
  }

  setView(change) {
    this.state.view = { ...this.state.view, ...change };
    this.#lookAnew();
  }

  setLayer(name, shown) {
    const others = this.state.layers.filter((one) => one !== name);
    this.state.layers = shown ? [...others, name] : others;
    if (name === "talib" && shown) this.#lookAnew();
    else this.arrive();
  }

  setName(name) {
    annotatorName.set(name.trim());
    this.state.nameless = !name.trim();
    this.#changeAnnotator();
    this.arrive();
  }

  toggle(overlay) {
    this.overlay = this.overlay === overlay ? null : overlay;
    this.draw();
  }

  toggleWhy() {
    this.state.why = !this.state.why;
    this.arrive();
  }

  focusNote() {
    this.#panel.focusNote();
  }

  resetZoom() {
    this.#stage.resetZoom();
  }

  tell(words) {
    this.notice = words;
    this.#panel.draw();
  }

  /** Is told when a key was pressed that may lead to another place. */
  pressed(at) {
    this.#stage.pressed(at);
  }

  draw() {
    this.#root.dataset.mode = this.state.mode;
    this.#root.dataset.asked = this.entry?.key ?? "";
    this.#root.classList.toggle("alone", !this.named || this.entry === null);
    this.#bar.draw();
    this.drawPlace();
  }

  drawPlace() {
    const { entry, place, state, draft, standing, browsing } = this;
    this.#stage.draw({ entry, place, state, draft, standing, browsing, said: this.saidOf(entry) });
    this.#panel.draw();
  }

  drawSaving() {
    this.#bar.drawSaving();
  }

  // ---- with Python

  /** Takes an answer and returns the number of this turn. */
  receive(data, send) {
    this.turn += 1;
    this.standing = data;
    this.#changeAnnotator();
    this.#stage.applyTheme();
    if (this.conversation.receive(data, send)) {
      this.#save();
      this.draw();
    }
    return this.turn;
  }

  /** Keeps, draws and tells Python where the deck stands now. */
  arrive() {
    if (!this.browsing) this.state.queue.at = this.course.at;
    else if (this.entry) this.state.browse.at = this.entry.start_time;
    this.draw();
    this.#save();
    this.conversation.talk();
  }

  takeCourse() {
    const { entries, at } = this.state.queue;
    this.course = this.browsing ? new Course() : new Course(entries ?? [], at);
    this.conversation.forgetSeries();
  }

  close() {
    this.conversation.close();
    this.sayings.close();
    this.#stopListening();
    this.#stage.destroy();
    this.#root.remove();
  }

  // ----

  #begin() {
    const asked = new URLSearchParams(location.search);
    const { browse, queue } = this.state;
    const known = (name) => this.standing.series.includes(name);
    if (!known(browse.series)) browse.series = this.standing.series[0];
    if (known(asked.get("series")) && /^\d+$/.test(asked.get("at") ?? "")) {
      Object.assign(browse, { series: asked.get("series"), at: Number(asked.get("at")) });
      this.state.mode = "browse";
      toAddress({ at: null, series: null });
    }
    const missing = asked.get("series");
    if (missing && !known(missing)) this.notice = `${missing} is not stored: choose another series, or import it on Data.`;
    queue.id ??= newId();
    if (this.standing.model === null) this.state.mode = "browse";
    this.shelf.lookAt(this.conversation.viewName);
    this.takeCourse();
    this.draw();
  }

  /** Looks at everything as another annotator, where it is another. */
  #changeAnnotator() {
    if (!turnTo(this.state, this.annotator)) return;
    this.draft = this.notice = null;
    this.shelf.lookAt(this.conversation.viewName);
    this.sayings.today = null;
    this.takeCourse();
    this.arrive();
  }

  /** Says how many keys came before their place did. */
  #tooEarly() {
    if (this.entry === null) return;
    const { key } = this.entry;
    this.#early = { key, n: this.#early.key === key ? this.#early.n + 1 : 1 };
    const keys = this.#early.n === 1 ? "1 key was" : `${this.#early.n} keys were`;
    this.tell(`${keys} not taken: the place is on its way.`);
  }

  #mayJudge() {
    if (!this.named) this.#panel.askName();
    else if (this.place === null) this.#tooEarly();
    else if (this.focus === null) this.tell("Nothing is selected here: click a dashed span, or add one with A.");
    else if (this.shelf.isOutdated(this.entry.key)) this.tell("One moment: the model looks again.");
    else if (this.saidOf(this.entry) !== null) this.tell(JUDGED);
    else return true;
    return false;
  }

  /** Says of a place without a prediction that nothing is missing, or goes on; it is not shown again. */
  #judgeRange(action) {
    if (!this.named) return this.#panel.askName();
    if (this.place === null) return this.#tooEarly();
    if (this.saidOf(this.entry) !== null) return this.tell(JUDGED);
    const labels = this.labelsLookedFor;
    if (action === "nothing" && !labels.length) return this.tell("Choose the labels to look for first: T, filters.");
    const { start_time, end_time } = this.entry;
    const model_version = this.standing.model?.version ?? null;
    const about = action === "nothing" ? { labels } : { label: this.labelsOffered[0] };
    if (!this.#say({ action, ...about, start_time, end_time, model_version })) return;
    this.course.toNext((one) => this.saidOf(one) !== null);
    this.arrive();
  }

  /** Keeps something said; whether the browser had room for it. */
  #say(what) {
    const isKept = this.sayings.say(this.entry, { note: this.note.trim() || null, as_of: this.place.as_of, ...what });
    if (!isKept) {
      this.tell("Not taken: this browser has no room left. Free some, or wait until what you said is saved.");
      return false;
    }
    this.note = "";
    this.notice = null;
    return true;
  }

  #add(span) {
    if (!this.#say({ action: "add", ...span, model_version: this.standing.model?.version ?? null })) return;
    const words = labelWords(span.label);
    const color = this.standing.colors[span.label];
    this.place.people.push({ ...span, key: newId(), words, tag: words, hover: `${words}\nadded by you`, color });
    this.notice = `Added ${words}. The place itself is still to be judged.`;
    this.arrive();
  }

  /** Whether a person's span has that label and these bounds. */
  #isThere(span) {
    return this.place.people.some((one) => isSameSpan(one, span));
  }

  #startDraft(action, span) {
    this.draft = new Draft(action, span, this.place.candles.time, this.labelsOffered);
    this.notice = this.overlay = null;
    this.draw();
  }

  /** Lets go of what was loaded with a verdict that is no more. */
  #unsaid(key) {
    this.shelf.unsay(key);
  }

  #changedElsewhere(key) {
    if (this.sayings.markOf(key) === null) this.#unsaid(key);
    this.#save();
    this.draw();
  }

  #lookAnew() {
    this.shelf.lookAt(this.conversation.viewName, this.entry?.key);
    this.conversation.forgetSeries();
    this.arrive();
  }

  #clicked(key) {
    const span = this.place?.model?.find((one) => one.key === key);
    if (this.draft || !span || key === this.place.focus) return;
    const { pair, timeframe } = this.entry;
    const { label, start_time, end_time, confidence, candle_count } = span;
    const { version } = this.standing.model;
    const named = { pair, timeframe, label, start_time, end_time, confidence, candle_count, model_version: version };
    this.course.goTo({ key: `${pair}|${timeframe}|${key}|${version}`, ...named });
    if (this.browsing && this.course.detour) this.course.alignTo(start_time + 1);
    this.arrive();
  }

  #dragged(range) {
    if (!this.draft) return;
    this.draft.drag(range);
    this.drawPlace();
  }

  /** A tab that cannot keep where it stands goes on: what was said is in the outbox. */
  #save() {
    if (tabState.save(this.state)) return;
    this.tell("This browser has no room left: a reload of this tab would begin anew. What you said is not lost.");
  }
}
