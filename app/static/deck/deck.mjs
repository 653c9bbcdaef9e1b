/** The review deck: chart and verdict side by side; a key judges and draws the next place, which is already here. */

import { CandleChart } from "../chart/candle_chart.mjs";
import { unpacked } from "../chart/candle_data.mjs";
import { Bar } from "./bar.mjs";
import { Course } from "./course.mjs";
import { Draft } from "./editor.mjs";
import { listenToKeys } from "./keys.mjs";
import { cut, draftSpan, layersOf } from "./layers.mjs";
import { Link } from "./link.mjs";
import { annotatorName, newId, Outbox, tabState, toAddress } from "./memory.mjs";
import { Panel } from "./panel.mjs";
import { el } from "./dom.mjs";
import { SAID } from "./words.mjs";

const PLACES_KEPT = 60;
const PLACES_AT_ONCE = 2;
const REASONS_AHEAD = 2;
const GONE_MS = 200;
const RIGHT_SHARE = 0.04;
const MEASURE = "candleloop:next-place";
const decks = new WeakMap();

/** What the component's script calls after each answer; the deck itself stays. */
export function mount({ data, parentElement, setStateValue }) {
  let deck = decks.get(parentElement);
  if (!deck) decks.set(parentElement, (deck = new Deck(parentElement, data)));
  const turn = deck.receive(data, (ask) => setStateValue("ask", ask));
  return () =>
    setTimeout(() => {
      if (deck.turn !== turn) return;
      deck.close();
      decks.delete(parentElement);
    }, GONE_MS);
}

const FRESH = {
  mode: "queue",
  queue: { id: null, entries: null, at: 0, error: null },
  browse: { series: null, at: null, threshold: 0.7, total: 0, first: 0 },
  view: { bars: 160, hidden_after: false, labels: null },
  layers: ["people", "model"],
  size: 50,
  series: null,
  why: false,
  said: [],
  marks: {},
};

export class Deck {
  turn = 0;
  state;
  standing;
  course = new Course();
  draft = null;
  notice = null;
  note = "";
  queueProgress = null;
  browseProgress = null;
  overlay = null;
  trouble = null;
  places = new Map();
  reasons = new Map();
  outbox = new Outbox();
  #link;
  #chart;
  #panel;
  #bar;
  #root;
  #removers = [];
  #channel = new BroadcastChannel("candleloop.review");
  #today = null;
  #sentBrowse = null;
  #drawn = null;
  #pressedAt = null;
  #outdated = null;

  constructor(parent, standing) {
    this.standing = standing;
    this.state = { ...structuredClone(FRESH), ...tabState.load() };
    this.state.tab ??= newId();
    this.#root = el("div.deck");
    const chart = el("div.chart");
    this.#bar = new Bar(this);
    this.#panel = new Panel(this);
    this.#root.append(this.#bar.element, chart, this.#panel.element, this.#bar.hints);
    parent.append(this.#root);
    this.#chart = new CandleChart(chart, {
      onSelect: (key) => this.#clicked(key),
      onDrag: (range) => this.#dragged(range),
    });
    this.#link = new Link({ tab: this.state.tab, make: () => this.#question(), onLate: () => this.#bar.drawSaving() });
    this.#removers.push(listenToKeys(this));
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    this.#begin();
  }

  // ---- what there is

  get annotator() {
    return this.standing.signed_in ?? annotatorName.get();
  }

  get named() {
    return Boolean(this.annotator) || this.state.nameless === true;
  }

  get entry() {
    return this.course.current;
  }

  get place() {
    if (this.entry === null) return null;
    return this.places.get(this.entry.key) ?? (this.outdated ? this.#outdated : null);
  }

  /** Whether what is on screen was made for another view, and the new one is on its way. */
  get outdated() {
    return this.entry !== null && this.#outdated?.key === this.entry.key && !this.places.has(this.entry.key);
  }

  /** What is asked about: in as-of mode what the model says without the later candles. */
  get focus() {
    const place = this.place;
    if (!place || place.error || place.focus === null) return null;
    return place.model.find((span) => span.key === place.focus) ?? null;
  }

  get browsing() {
    return this.state.mode === "browse";
  }

  get lateFor() {
    return this.#link.lateFor;
  }

  get today() {
    return this.#today;
  }

  /** What has been said of an entry, by this annotator, here or elsewhere. */
  saidOf(entry) {
    if (!entry) return null;
    return this.state.marks[entry.key] ?? this.places.get(entry.key)?.mine ?? null;
  }

  isJudged(entry) {
    return this.saidOf(entry) !== null;
  }

  // ---- what the keys do

  judge(action, change = {}) {
    const focus = this.focus;
    if (!this.named) return this.#panel.askName();
    if (focus === null) return this.tell("Nothing is selected here: click a dashed span, or add one with A.");
    if (this.outdated) return this.tell("One moment: the model looks again.");
    if (this.isJudged(this.entry)) return this.tell("You have judged this already: Take back, then judge it anew.");
    const entry = this.entry;
    const prediction = {
      label: focus.label,
      start_time: focus.start_time,
      end_time: focus.end_time,
      confidence: focus.confidence,
      model_version: entry.model_version,
    };
    this.#say(entry, { action, prediction, ...change });
    this.note = "";
    this.course.toNext((one) => this.isJudged(one));
    this.#arrived();
  }

  startCorrecting() {
    if (this.focus === null) return this.judge("correct");
    if (this.isJudged(this.entry)) return this.tell("You have judged this already: Take back, then judge it anew.");
    this.#startDraft(new Draft("correct", this.focus, this.place.candles.time, this.labelsOffered()));
  }

  startAdding() {
    const place = this.place;
    if (!place || place.error) return;
    if (!this.named) return this.#panel.askName();
    const { time } = place.candles;
    const middle = time[time.length >> 1];
    const begin = this.focus ?? { label: null, start_time: middle, end_time: middle };
    this.#startDraft(new Draft("add", begin, time, this.labelsOffered()));
  }

  saveDraft() {
    const draft = this.draft;
    if (!draft.changed) {
      this.tell(draft.label ? "Nothing is changed: Y confirms it, Esc leaves." : "Choose a label first.");
      return;
    }
    this.#endDraft();
    if (draft.action === "correct") this.judge("correct", draft.span);
    else this.#add(draft.span);
  }

  leaveDraft() {
    this.#endDraft();
    this.draw();
  }

  /** Takes back the last thing said in this tab and returns to its place. */
  undo() {
    const last = this.state.said.pop();
    if (!last) return this.tell("Nothing is left to undo in this session.");
    this.#takeBack(last);
    if (last.action !== "add") delete this.state.marks[last.key];
    this.#forgetPlace(last.key);
    this.course.goTo(last.entry);
    this.tell(`Undone: ${SAID[last.action]} ${last.entry.label ?? last.label ?? ""}`.replaceAll("_", " "));
    this.#arrived();
  }

  /** Takes back what this annotator said of the place on screen, in whichever session. */
  takeBack() {
    const entry = this.entry;
    const said = this.saidOf(entry);
    if (!said) return;
    const own = this.state.said.find((one) => one.client_id === said.client_id);
    if (own) {
      this.state.said = this.state.said.filter((one) => one !== own);
      this.#takeBack(own);
    } else {
      this.outbox.put({ client_id: newId(), verdict_id: said.verdict_id, key: entry.key });
    }
    delete this.state.marks[entry.key];
    this.#forgetPlace(entry.key, { mine: null });
    this.#channel.postMessage({ key: entry.key, annotator: this.annotator, said: null });
    this.#arrived();
  }

  step(by) {
    if (this.draft) return;
    this.course.step(by);
    this.note = "";
    this.#moreOfSeries();
    this.#arrived();
  }

  /** While browsing: the window before or after. */
  turnPage(by) {
    const place = this.place;
    if (!this.browsing || !place || place.error) return this.step(by);
    const { time } = place.candles;
    this.showWindow(by < 0 ? time[0] : time[time.length - 1]);
  }

  /** Shows the candles around a time, with nothing selected. */
  showWindow(at) {
    const series = this.state.browse.series;
    const [pair, timeframe] = splitSeries(series);
    const entry = { key: `${series}|window|${at}`, pair, timeframe, label: null, start_time: at, end_time: at };
    this.course.detour = entry;
    this.course.alignTo(at);
    this.#moreOfSeries(at);
    this.#arrived();
  }

  setMode(mode) {
    if (this.draft) this.#endDraft();
    this.state.mode = mode;
    this.notice = null;
    this.#takeCourse();
    this.#arrived();
  }

  newQueue() {
    this.state.queue = { id: newId(), entries: null, at: 0, error: null };
    this.setMode("queue");
  }

  setView(change) {
    this.state.view = { ...this.state.view, ...change };
    this.#stale();
  }

  setHidden(hidden) {
    this.setView({ hidden_after: hidden });
    this.tell(hidden ? "Candles after the span are hidden." : "All candles are shown.");
  }

  setLayer(name, shown) {
    const others = this.state.layers.filter((one) => one !== name);
    this.state.layers = shown ? [...others, name] : others;
    if (name === "talib" && shown) this.#stale();
    else this.draw();
    this.#save();
  }

  browse(change) {
    this.state.browse = { ...this.state.browse, ...change };
    this.#sentBrowse = null;
    if (change.series) this.course = new Course();
    this.setMode("browse");
  }

  setName(name) {
    annotatorName.set(name.trim());
    this.state.nameless = !name.trim();
    this.places.clear();
    this.#today = null;
    this.#arrived();
  }

  toggle(overlay) {
    this.overlay = this.overlay === overlay ? null : overlay;
    this.draw();
  }

  toggleWhy() {
    this.state.why = !this.state.why;
    this.#save();
    this.draw();
    this.#link.talk();
  }

  focusNote() {
    this.#panel.focusNote();
  }

  resetZoom() {
    this.#chart.resetZoom();
  }

  tell(words) {
    this.notice = words;
    this.#panel.draw();
  }

  dropRefused(clientId) {
    this.outbox.remove(clientId);
    this.draw();
  }

  /** Moves on from a refused verdict to its place. */
  goToRefused(said) {
    this.outbox.remove(said.client_id);
    this.#forgetPlace(said.entry.key);
    this.course.goTo(said.entry);
    this.#arrived();
  }

  labelsOffered() {
    const first = new Set(this.standing.asked_about);
    const names = this.standing.labels.map((one) => one.name);
    return [...names.filter((name) => first.has(name)), ...names.filter((name) => !first.has(name))];
  }

  /** Begins the measure that ends when the next place is drawn. */
  pressed(at) {
    this.#pressedAt = at;
  }

  // ---- drawing

  draw() {
    this.#root.dataset.mode = this.state.mode;
    this.#bar.draw();
    this.#panel.draw();
    this.#drawChart();
  }

  drawDraft() {
    this.#panel.draw();
    this.#drawChart();
  }

  #drawChart() {
    const { entry, place } = this;
    this.#root.classList.toggle("blank", !place || Boolean(place?.error));
    if (!place || place.error) return;
    const cutAt = this.state.view.hidden_after && place.as_of === null && entry.label ? entry.end_time : null;
    const candles = cutAt === null ? place.packed : cut(place.candles, cutAt);
    const layers = layersOf(place, {
      entry,
      layers: this.state.layers,
      threshold: this.browsing ? this.state.browse.threshold : 0.7,
      said: this.saidOf(entry),
      draft: this.draft && draftSpan(this.draft, this.standing.colors),
      cutAt,
    });
    this.#chart.show({
      candles,
      layers,
      first_bar: place.first_bar,
      total_bars: place.series_bars,
      bars_per_candle: 1,
      series: `${entry.pair} ${entry.timeframe}`,
      timeframe: entry.timeframe,
      decimals: place.decimals,
      view: [place.first_bar - 0.5, place.first_bar + place.bars * (1 + RIGHT_SHARE)],
      place: `${entry.key} ${this.state.view.bars}`,
      as_of: this.state.view.hidden_after ? (cutAt ?? place.as_of) : null,
    });
    this.#chart.setSelecting(this.draft !== null);
    this.#wasDrawn(entry);
  }

  #wasDrawn(entry) {
    const at = this.#pressedAt;
    const moved = this.#drawn !== entry.key;
    this.#drawn = this.#root.dataset.place = entry.key;
    if (at === null || !moved) return;
    this.#pressedAt = null;
    requestAnimationFrame(() => setTimeout(() => performance.measure(MEASURE, { start: at, end: performance.now() })));
  }

  // ---- talking with Python

  /** Takes an answer and returns the number of this turn. */
  receive(data, send) {
    this.turn += 1;
    this.#link.connect(send);
    this.standing = data;
    this.trouble = data.trouble ?? null;
    this.#chart.applyTheme();
    const question = this.#link.answered(data);
    if (question !== null) this.#take(data, question);
    this.#link.talk();
    return this.turn;
  }

  close() {
    this.#link.close();
    this.#channel.close();
    for (const remove of this.#removers) remove();
    this.#chart.destroy();
    this.#root.remove();
  }

  #take(data, question) {
    for (const one of data.deliveries) this.#delivered(one, question);
    for (const [key, place] of Object.entries(data.places)) {
      if (this.#isOf(question)) this.#keepPlace(key, place);
    }
    for (const [key, found] of Object.entries(data.reasons ?? {})) this.reasons.set(key, found);
    if (data.queue) this.#takeQueue(data.queue);
    if (data.browse) this.#takeBrowse(data.browse);
    if (data.today !== null) this.#today = data.today;
    this.#save();
    this.draw();
  }

  #question() {
    const { state } = this;
    const outbox = this.outbox.waiting();
    const said = outbox.filter((one) => !one.verdict_id);
    const needsQueue = state.queue.id !== null && state.queue.entries === null && !state.queue.error;
    const browse = this.browsing && this.#sentBrowse === null ? this.#browseWish() : null;
    const want = this.named ? this.#missing() : [];
    const why = want.length ? null : this.#nextWhy();
    if (!outbox.length && !needsQueue && !browse && !want.length && !why && this.#today !== null) return null;
    return {
      annotator: this.annotator || null,
      view: this.#view(),
      outbox: said.map(({ at, key, entry, verdict_id, delayed, ...rest }) => rest),
      take_back: outbox.filter((one) => one.verdict_id).map(({ client_id, verdict_id }) => ({ client_id, verdict_id })),
      want,
      why,
      queue: needsQueue ? { id: state.queue.id, size: state.size, series: state.series, labels: state.view.labels } : null,
      browse,
      today_since: this.#today === null ? new Date().setHours(0, 0, 0, 0) / 1000 : null,
    };
  }

  #missing() {
    const wanted = this.course.wanted().filter((entry) => !this.places.has(entry.key));
    const at = wanted[0] === this.entry ? 1 : PLACES_AT_ONCE;
    return wanted.slice(0, at).map(askedPlace);
  }

  #nextWhy() {
    if (!this.state.why) return null;
    const wanted = this.course.wanted().slice(0, REASONS_AHEAD);
    const found = wanted.find((entry) => entry.label && this.places.has(entry.key) && !this.reasons.has(entry.key));
    return found ? askedPlace(found) : null;
  }

  #browseWish() {
    const { series, at, threshold } = this.state.browse;
    return { id: newId(), series, at, threshold, labels: this.state.view.labels };
  }

  #takeQueue(answer) {
    if (answer.id !== this.state.queue.id) return;
    this.queueProgress = answer.progress === undefined ? null : answer;
    if (answer.error) this.state.queue.error = answer.error;
    if (!answer.entries) return;
    this.state.queue = { ...this.state.queue, entries: answer.entries, at: 0 };
    this.#takeCourse();
  }

  #takeBrowse(answer) {
    this.browseProgress = answer.progress === undefined ? null : answer;
    if (answer.error) this.tell(answer.error);
    if (answer.progress !== undefined) return;
    this.#sentBrowse = answer.id;
    if (answer.error) return;
    const { entries, total, first, first_time, last_time } = answer;
    Object.assign(this.state.browse, { total, first, first_time, last_time, at: answer.at });
    const on = this.course.detour ?? this.entry;
    this.course = new Course(entries, 0);
    if (on) {
      this.course.alignTo(on.start_time);
      this.course.goTo(on);
    } else {
      this.course.alignTo(answer.at);
      if (this.course.atEnd) this.course.at = Math.max(entries.length - 1, 0);
    }
    if (this.course.current === null) this.showWindow(answer.at);
  }

  #delivered({ client_id: id, verdict_id, refused, delayed, elsewhere }, question) {
    const sent = question.outbox.find((one) => one.client_id === id);
    const now = this.outbox.get(id);
    const mine = this.state.said.find((one) => one.client_id === id);
    if (delayed) {
      if (now) this.outbox.put({ ...now, delayed });
      return;
    }
    if (now && sent && Boolean(sent.taken_back) !== Boolean(now.taken_back)) return; // it was undone meanwhile
    if (refused) return this.#refused(id, refused, mine);
    this.outbox.remove(id);
    if (!mine) return;
    mine.verdict_id = verdict_id;
    if (!elsewhere) return;
    this.state.said = this.state.said.filter((one) => one !== mine);
    this.state.marks[mine.key] = { client_id: null, verdict_id, action: mine.action, words: mine.words, elsewhere };
    this.#count(-1);
    this.tell("You had said the same of that place elsewhere; it counts once.");
  }

  #refused(id, reason, mine) {
    this.outbox.refuse(id, reason);
    if (!mine) return;
    this.state.said = this.state.said.filter((one) => one !== mine);
    if (mine.action !== "add") delete this.state.marks[mine.key];
    this.#forgetPlace(mine.key);
    this.#count(mine.action === "skip" ? 0 : -1);
  }

  /** Another tab has said something. */
  #heard({ key, annotator, said }) {
    if (annotator !== this.annotator) return;
    if (said === null) delete this.state.marks[key];
    else this.state.marks[key] = { ...said, elsewhere: true };
    if (said === null) this.#forgetPlace(key, { mine: null });
    this.#save();
    this.draw();
  }

  // ---- saying

  #say(entry, what) {
    const clientId = newId();
    const { hidden_after: hidden } = this.state.view;
    const said = {
      client_id: clientId,
      pair: entry.pair,
      timeframe: entry.timeframe,
      annotator: this.annotator || null,
      note: this.note.trim() || null,
      as_of: hidden && entry.label ? (this.place.as_of ?? entry.end_time) : null,
      origin: entry.origin ?? null,
      ...what,
    };
    this.outbox.put({ ...said, key: entry.key, entry });
    const words = `${SAID[what.action]}${what.label && what.action === "correct" ? ` to ${what.label}` : ""}`;
    const mark = { client_id: clientId, action: what.action, words: words.replaceAll("_", " "), note: said.note };
    this.state.said.push({ ...said, key: entry.key, entry, words: mark.words });
    if (what.action !== "skip") this.#count(1);
    if (what.action === "add") return;
    this.state.marks[entry.key] = mark;
    this.#channel.postMessage({ key: entry.key, annotator: this.annotator, said: mark });
  }

  #add(span) {
    const version = this.standing.model?.version ?? null;
    this.#say(this.entry, { action: "add", ...span, model_version: version });
    this.note = "";
    const color = this.standing.colors[span.label];
    const words = span.label.replaceAll("_", " ");
    const drawn = { ...span, key: newId(), words, tag: words, hover: `${words}\nadded by you`, color };
    this.place?.people.push(drawn);
    this.tell(`Added ${words}. The place itself is still to be judged.`);
    this.#arrived();
  }

  #takeBack(said) {
    const { key, entry, words, verdict_id, ...feedback } = said;
    const waiting = this.outbox.get(said.client_id);
    this.outbox.put({ ...feedback, at: waiting?.at ?? Date.now(), key, entry, taken_back: true });
    if (said.action !== "skip") this.#count(-1);
    if (said.action !== "add") this.#channel.postMessage({ key, annotator: this.annotator, said: null });
  }

  #count(by) {
    if (this.#today !== null) this.#today = Math.max(this.#today + by, 0);
  }

  // ---- places and courses

  #begin() {
    const asked = new URLSearchParams(location.search);
    const series = asked.get("series");
    const known = (name) => this.standing.series.includes(name);
    if (!this.state.browse.series || !known(this.state.browse.series)) {
      this.state.browse.series = known(series) ? series : this.standing.series[0];
    }
    if (known(series) && /^\d+$/.test(asked.get("at") ?? "")) {
      Object.assign(this.state.browse, { series, at: Number(asked.get("at")) });
      this.state.mode = "browse";
      toAddress({ at: null, series: null });
    }
    if (this.state.queue.id === null) this.state.queue.id = newId();
    if (this.standing.model === null) this.state.mode = "browse";
    this.#takeCourse();
    this.draw();
  }

  #takeCourse() {
    if (this.browsing) {
      this.course = new Course();
      this.#sentBrowse = null;
      return;
    }
    const { entries, at } = this.state.queue;
    this.course = new Course(entries ?? [], at);
  }

  /** Asks for more of a series where the end of what is here comes near. */
  #moreOfSeries(at = null) {
    if (!this.browsing) return;
    const { first, total } = this.state.browse;
    const { entries, at: here } = this.course;
    const near = (here < 10 && first > 0) || (here > entries.length - 10 && first + entries.length < total);
    if (at === null && !near) return;
    this.state.browse.at = at ?? this.entry?.start_time ?? entries.at(-1)?.start_time ?? null;
    this.#sentBrowse = null;
  }

  #arrived() {
    if (this.browsing && this.entry) this.state.browse.at = this.entry.start_time;
    if (!this.browsing) this.state.queue.at = this.course.at;
    this.#save();
    this.draw();
    this.#link.talk();
  }

  #startDraft(draft) {
    this.draft = draft;
    this.notice = null;
    this.overlay = null;
    this.draw();
  }

  #endDraft() {
    this.draft = null;
    this.notice = null;
  }

  #clicked(key) {
    if (this.draft || key === null) return;
    const span = this.place?.model.find((one) => one.key === key);
    if (!span || span.key === this.place.focus) return;
    const { pair, timeframe } = this.entry;
    const version = this.standing.model.version;
    const { label, start_time, end_time, confidence, candle_count } = span;
    const named = { pair, timeframe, label, start_time, end_time, confidence, candle_count, model_version: version };
    this.course.goTo({ key: `${pair}|${timeframe}|${key}|${version}`, ...named });
    if (this.browsing) this.course.alignTo(start_time + 1);
    this.#arrived();
  }

  #dragged(range) {
    if (!this.draft) return;
    this.draft.drag(range);
    this.drawDraft();
  }

  #keepPlace(key, place) {
    if (place.error) {
      this.places.set(key, place);
      return;
    }
    const packed = place.candles;
    place.packed = packed;
    place.candles = Object.fromEntries(Object.entries(packed).map(([name, values]) => [name, unpacked(values)]));
    place.bars = place.candles.time.length;
    this.places.delete(key);
    this.places.set(key, place);
    const spare = this.places.size - PLACES_KEPT;
    for (const old of [...this.places.keys()].slice(0, Math.max(spare, 0))) this.places.delete(old);
  }

  #forgetPlace(key, change = null) {
    const place = this.places.get(key);
    if (place && change) Object.assign(place, change);
    else this.places.delete(key);
    this.reasons.delete(key);
  }

  #view() {
    return { ...this.state.view, talib: this.state.layers.includes("talib") };
  }

  /** Whether a question asked for places as they are looked at now. */
  #isOf({ view, annotator }) {
    return JSON.stringify([view, annotator]) === JSON.stringify([this.#view(), this.annotator || null]);
  }

  #stale() {
    const current = this.entry && this.places.get(this.entry.key);
    this.places.clear();
    this.reasons.clear();
    if (this.browsing) this.#sentBrowse = null;
    this.#outdated = current ?? null;
    this.#save();
    this.draw();
    this.#link.talk();
  }

  #save() {
    tabState.save(this.state);
  }
}

export function splitSeries(name) {
  const at = name.lastIndexOf(" ");
  return [name.slice(0, at), name.slice(at + 1)];
}

function askedPlace({ key, pair, timeframe, label, start_time, end_time, confidence = null, candle_count = null }) {
  return { key, pair, timeframe, label, start_time, end_time, confidence, candle_count };
}
