/** What the deck asks Python and what it makes of the answers. */

import { Course } from "./course.mjs";
import { Link } from "./link.mjs";
import { newId } from "./memory.mjs";

const PLACES_AT_ONCE = 3;
const REASONS_AHEAD = 2;
const NEAR_THE_END = 10;
const POLL_MS = 400;
const HURRY_MS = 150;
const DELAYED_AGAIN_MS = 2_000;

export class Conversation {
  queueProgress = null;
  browseProgress = null;
  trouble = null;
  #deck;
  #link;
  #seriesKnown = false;
  #pendingStep = 0;
  #askAgainAt = 0;
  #sendDelayedAt = 0;
  #steppedAt = -Infinity;
  #isHurrying = false;
  #settling;

  /** @param {import("./deck.mjs").Deck} deck */
  constructor(deck) {
    this.#deck = deck;
    this.#link = new Link({
      tab: deck.state.tab,
      make: () => this.#question(),
      onLook: () => deck.drawSaving(),
    });
  }

  /** For how long an answer has been overdue, in seconds. */
  get lateFor() {
    return this.#link.lateFor;
  }

  /** How places are looked at now, and by whom, as one text. */
  get viewName() {
    return JSON.stringify([this.#view(), this.#deck.annotator || null]);
  }

  talk() {
    this.#link.talk();
  }

  /** Takes an answer; returns whether it was one. */
  receive(data, send) {
    this.#link.connect(send);
    this.trouble = data.trouble ?? null;
    const question = this.#link.answered(data);
    if (question !== null) this.#take(data, question);
    this.#link.talk();
    return question !== null || this.trouble !== null;
  }

  /** Asks for the predictions of the series once more. */
  forgetSeries() {
    this.#seriesKnown = false;
  }

  /** Whether the predictions next to the window on screen are still to come. */
  get waitsForSeries() {
    const { browsing, course } = this.#deck;
    return browsing && !this.#seriesKnown && (course.detour !== null || course.current === null);
  }

  /** Is told of a step: where one follows the other at once, nothing is asked for but what is there after the last. */
  stepped() {
    const now = performance.now();
    this.#isHurrying = now - this.#steppedAt < HURRY_MS;
    this.#steppedAt = now;
    clearTimeout(this.#settling);
    if (!this.#isHurrying) return;
    this.#settling = setTimeout(() => {
      this.#isHurrying = false;
      this.talk();
    }, HURRY_MS);
  }

  /** Steps as soon as the predictions next to the window have come. */
  stepWhenKnown(by) {
    this.#pendingStep = by;
  }

  /** Asks for more of a series where the end of what is here comes near, or where it goes to another time. */
  moreOfSeries(at = null) {
    const { browsing, course, state, entry } = this.#deck;
    if (!browsing) return;
    const { first, total } = state.browse;
    const { entries, at: here } = course;
    const nearStart = here < NEAR_THE_END && first > 0;
    const nearEnd = here > entries.length - NEAR_THE_END && first + entries.length < total;
    if (at === null && !nearStart && !nearEnd) return;
    state.browse.at = at ?? entry?.start_time ?? entries.at(-1)?.start_time ?? null;
    this.#seriesKnown = false;
  }

  close() {
    clearTimeout(this.#settling);
    this.#link.close();
  }

  // ---- asking

  /** The next question, or null where there is nothing to ask. */
  #question() {
    const { state, outbox, sayings, annotator, named, browsing } = this.#deck;
    const waiting = this.#due(outbox.waiting());
    const { id, entries, error } = state.queue;
    const due = performance.now() >= this.#askAgainAt;
    const queue = due && !browsing && entries === null && !error ? { id, ...this.#queueChoice() } : null;
    const settled = !this.#isHurrying;
    const wantsSeries = due && browsing && !this.#seriesKnown && (settled || this.waitsForSeries);
    const browse = wantsSeries ? this.#browseWish() : null;
    const want = named && settled ? this.#missing() : [];
    const why = settled ? this.#nextWhy() : null;
    const counts = sayings.today !== null;
    if (!waiting.length && !queue && !browse && !want.length && !why && counts) return null;
    return {
      annotator: annotator || null,
      view: this.#view(),
      outbox: waiting.filter((one) => !one.verdict_id).map(feedbackOf),
      take_back: waiting.filter((one) => one.verdict_id).map(({ client_id, verdict_id }) => ({ client_id, verdict_id })),
      want,
      why,
      queue,
      browse,
      today_since: counts ? null : new Date().setHours(0, 0, 0, 0) / 1000,
    };
  }

  /** What is sent now: all that waits, unless the server has just put all of it off. */
  #due(waiting) {
    const isDue = performance.now() >= this.#sendDelayedAt || waiting.some((one) => !one.delayed);
    return isDue ? waiting : [];
  }

  #queueChoice() {
    const { size, series, view } = this.#deck.state;
    return { size, series, labels: view.labels };
  }

  #browseWish() {
    const { series, at, threshold } = this.#deck.state.browse;
    return { id: newId(), series, at, threshold, labels: this.#deck.state.view.labels };
  }

  #view() {
    const { view, layers } = this.#deck.state;
    return { ...view, talib: layers.includes("talib") };
  }

  /** The places to load next: the one on screen alone, so that it comes first. */
  #missing() {
    const { course, shelf, entry } = this.#deck;
    const missing = course.wanted().filter(({ key }) => !shelf.has(key));
    return missing.slice(0, missing[0] === entry ? 1 : PLACES_AT_ONCE).map((one) => askedPlace(one));
  }

  #nextWhy() {
    const { state, course, shelf } = this.#deck;
    if (!state.why) return null;
    const ready = course.wanted().slice(0, REASONS_AHEAD).filter(({ key, label }) => label && shelf.has(key));
    const entry = ready.find(({ key }) => shelf.reasonsFor(key) === null);
    if (!entry) return null;
    const place = shelf.get(entry.key);
    const focus = place.model?.find((span) => span.key === place.focus);
    return focus ? askedPlace({ ...entry, ...spanOf(focus), as_of: place.as_of }) : null;
  }

  // ---- answers

  #take(data, question) {
    const { shelf, sayings, annotator } = this.#deck;
    for (const one of data.deliveries) this.#delivered(one, question);
    if (this.#isAsNow(question)) {
      for (const [key, place] of Object.entries(data.places)) shelf.put(key, place);
      for (const [key, found] of Object.entries(data.reasons ?? {})) shelf.putReasons(key, found);
    }
    if (data.queue) this.#takeQueue(data.queue);
    if (data.browse) this.#takeBrowse(data.browse, question.browse);
    if (data.today !== null && question.annotator === (annotator || null)) sayings.today = data.today;
  }

  /** Whether a question asked for places as they are looked at now. */
  #isAsNow({ view, annotator }) {
    return JSON.stringify([view, annotator]) === this.viewName;
  }

  #delivered(delivery, question) {
    if (delivery.delayed) this.#sendDelayedAt = performance.now() + DELAYED_AGAIN_MS;
    const sent = question.outbox.find((one) => one.client_id === delivery.client_id);
    const changed = this.#deck.sayings.delivered(delivery, sent);
    if (changed === null) return;
    this.#deck.shelf.forget(changed.key);
    if (changed.words) this.#deck.notice = changed.words;
  }

  #takeQueue(answer) {
    const { state } = this.#deck;
    if (answer.id !== state.queue.id) return;
    this.queueProgress = answer;
    this.#waitFor(answer);
    if (answer.error) state.queue.error = answer.error;
    if (!answer.entries) return;
    Object.assign(state.queue, { entries: answer.entries, notes: answer.notes, at: 0 });
    if (!this.#deck.browsing) this.#deck.takeCourse();
  }

  #takeBrowse(answer, wish) {
    const { state } = this.#deck;
    const now = this.#browseWish();
    if (!wish || wish.series !== now.series || wish.threshold !== now.threshold) return;
    this.browseProgress = answer;
    this.#waitFor(answer);
    if (answer.progress !== undefined) return;
    this.#seriesKnown = true;
    if (answer.error) {
      this.#deck.notice = answer.error;
      return;
    }
    const { entries, total, first, first_time, last_time, at } = answer;
    Object.assign(state.browse, { total, first, first_time, last_time, at });
    this.#putCourse(entries, at);
    const by = this.#pendingStep;
    this.#pendingStep = 0;
    if (by !== 0) this.#deck.step(by);
  }

  /** Leaves Python some time for work that it does beside the page. */
  #waitFor({ progress }) {
    this.#askAgainAt = progress === undefined ? 0 : performance.now() + POLL_MS;
  }

  /** Goes on from where the deck stands, or begins at a time. */
  #putCourse(entries, at) {
    const deck = this.#deck;
    const { current, detour } = deck.course;
    deck.course = new Course(entries);
    deck.course.alignTo(current?.start_time ?? at);
    if (current !== null) deck.course.goTo(detour ?? current);
    if (deck.course.current === null && entries.length) deck.course.at = entries.length - 1;
    if (deck.course.current === null) deck.showWindow(at);
  }
}

/** What of a kept verdict is sent; the rest is the browser's own. */
function feedbackOf({ at, key, entry, delayed, ...feedback }) {
  return feedback;
}

function spanOf({ label, start_time, end_time, confidence, candle_count }) {
  return { label, start_time, end_time, confidence, candle_count };
}

function askedPlace({ key, pair, timeframe, as_of = null, ...rest }) {
  const { label, start_time, end_time, confidence = null, candle_count = null } = rest;
  return { key, pair, timeframe, label, start_time, end_time, confidence, candle_count, as_of };
}
