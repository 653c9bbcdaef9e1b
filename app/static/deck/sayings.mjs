/** What has been said in this tab: put into the outbox at once, marked on its place, and taken back. */

import { newId } from "./memory.mjs";
import { SAID } from "./words.mjs";

export class Sayings {
  today = null;
  #state;
  #outbox;
  #annotator;
  #channel = new BroadcastChannel("candleloop.review");

  /**
   * @param {{said: object[], marks: object}} state is changed in place and kept by the tab
   * @param {import("./memory.mjs").Outbox} outbox
   * @param {{annotator: () => string, onHeard: (key: string) => void}} how `onHeard` is told of another tab's verdict
   */
  constructor(state, outbox, { annotator, onHeard }) {
    this.#state = state;
    this.#outbox = outbox;
    this.#annotator = annotator;
    this.#channel.onmessage = ({ data }) => this.#heard(data, onHeard);
  }

  /** How many verdicts of this session can be undone. */
  get depth() {
    return this.#state.said.length;
  }

  get all() {
    return this.#state.said;
  }

  markOf(key) {
    return this.#state.marks[key] ?? null;
  }

  /**
   * @param {object} what the action with its prediction or span, note and as-of
   * @returns {boolean} false where the browser has no room for it: then nothing is said
   */
  say(entry, what) {
    const clientId = newId();
    const said = {
      client_id: clientId,
      pair: entry.pair,
      timeframe: entry.timeframe,
      annotator: this.#annotator() || null,
      origin: entry.origin ?? null,
      ...what,
    };
    const kept = { ...said, key: entry.key, entry };
    if (!this.#outbox.put(kept)) return false;
    this.#state.said.push(kept);
    if (what.action !== "skip") this.#count(1);
    if (what.action === "add") return true;
    const mark = { client_id: clientId, action: what.action, words: wordsOf(what), note: what.note };
    this.#state.marks[entry.key] = mark;
    this.#tell(entry.key, { ...mark, kept });
    return true;
  }

  /** Takes back the last thing said in this tab and returns it, or null where nothing is left. */
  undo() {
    const last = this.#state.said.at(-1) ?? null;
    if (last !== null) this.#takeBack(last);
    return last;
  }

  /** Takes back what stands on an entry, said here or in another session. */
  takeBack(entry, { client_id: clientId, verdict_id: verdictId, kept }) {
    const own = this.#state.said.find((one) => one.client_id === clientId) ?? kept;
    if (own) return this.#takeBack(own);
    this.#outbox.put({ client_id: newId(), verdict_id: verdictId, key: entry.key });
    this.#unmark(entry.key);
  }

  /**
   * Takes note of what became of something sent.
   * @returns {{key: string, words: string|null}|null} the place whose mark has changed, and what to tell of it
   */
  delivered({ client_id: id, verdict_id, refused, delayed, elsewhere }, sent) {
    const kept = this.#outbox.get(id);
    if (delayed) {
      if (kept) this.#outbox.put({ ...kept, delayed });
      return null;
    }
    const undoneMeanwhile = kept && sent && Boolean(sent.taken_back) !== Boolean(kept.taken_back);
    if (undoneMeanwhile) return null;
    if (refused) this.#outbox.refuse(id, refused);
    else this.#outbox.remove(id);
    const own = this.#state.said.find((one) => one.client_id === id);
    if (!own) return null;
    own.verdict_id = verdict_id;
    if (!refused && !elsewhere) return null;
    this.#remove(own);
    if (own.action !== "skip") this.#count(-1);
    if (refused) {
      if (own.action !== "add") this.#unmark(own.key);
      return { key: own.key, words: null };
    }
    this.#state.marks[own.key] = { verdict_id, action: own.action, words: wordsOf(own), elsewhere };
    return { key: own.key, words: "You had said the same of that place elsewhere; it counts once." };
  }

  close() {
    this.#channel.close();
  }

  #takeBack(own) {
    this.#remove(own);
    const { key, entry, verdict_id, ...feedback } = own;
    const at = this.#outbox.get(own.client_id)?.at ?? Date.now();
    this.#outbox.put({ ...feedback, at, key, entry, taken_back: true });
    if (own.action !== "skip") this.#count(-1);
    if (own.action !== "add") this.#unmark(own.key);
  }

  #remove(own) {
    this.#state.said = this.#state.said.filter((one) => one !== own);
  }

  #unmark(key) {
    delete this.#state.marks[key];
    this.#tell(key, null);
  }

  #tell(key, mark) {
    this.#channel.postMessage({ key, annotator: this.#annotator(), mark });
  }

  #heard({ key, annotator, mark }, onHeard) {
    if (annotator !== this.#annotator()) return;
    const before = this.markOf(key);
    if (before !== null && before.action !== "skip") this.#count(-1);
    if (mark !== null && mark.action !== "skip") this.#count(1);
    this.#state.said = this.#state.said.filter((one) => one.key !== key || one.action === "add");
    if (mark === null) delete this.#state.marks[key];
    else this.#state.marks[key] = { ...mark, elsewhere: true };
    onHeard(key);
  }

  #count(by) {
    if (this.today !== null) this.today = Math.max(this.today + by, 0);
  }
}

function wordsOf({ action, label }) {
  const became = action === "correct" && label ? ` to ${label}` : "";
  return `${SAID[action]}${became}`.replaceAll("_", " ");
}
