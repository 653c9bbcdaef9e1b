/** The line to the server: one question at a time, asked again until it is answered. */

const AGAIN_AFTER_MS = 5_000;
const MOST_AGAIN_AFTER_MS = 20_000;
const LATE_AFTER_MS = 2_500;
const LOOK_MS = 500;

export class Link {
  #send;
  #make;
  #seq = 0;
  #tab;
  #inFlight = null;
  #timer;
  #lateSince = null;
  #againAfter = AGAIN_AFTER_MS;

  /**
   * @param {{tab: string, make: () => object|null, onLook: () => void}} how `make` gives the next question or
   *   null; `onLook` is called twice a second, for whoever shows how late an answer is
   */
  constructor({ tab, make, onLook }) {
    this.#tab = tab;
    this.#make = make;
    this.#timer = setInterval(() => this.#look(onLook), LOOK_MS);
  }

  /** Takes the sending function of the last drawing. */
  connect(send) {
    this.#send = send;
  }

  /** Asks what there is to ask, unless a question is on its way. */
  talk() {
    if (this.#inFlight !== null || !this.#send) return;
    const question = this.#make();
    if (question === null) return;
    this.#seq = Math.max(this.#seq + 1, Date.now());
    this.#inFlight = { seq: this.#seq, since: performance.now(), question };
    this.#send({ seq: this.#seq, tab: this.#tab, ...question });
  }

  /** The question that this answers, or null where it answers none that waits. */
  answered(answer) {
    const waiting = this.#inFlight;
    if (waiting === null || answer.tab !== this.#tab || answer.seq !== waiting.seq) return null;
    this.#inFlight = this.#lateSince = null;
    this.#againAfter = AGAIN_AFTER_MS;
    return waiting.question;
  }

  /** For how long the server has owed an answer, in seconds, once that is longer than it should be. */
  get lateFor() {
    if (this.#lateSince === null) return 0;
    return (performance.now() - this.#lateSince) / 1000;
  }

  close() {
    clearInterval(this.#timer);
  }

  #look(onLook) {
    const waits = this.#inFlight === null ? 0 : performance.now() - this.#inFlight.since;
    if (this.#lateSince === null && waits > LATE_AFTER_MS) this.#lateSince = this.#inFlight.since;
    else if (this.#lateSince !== null && this.#inFlight === null) this.#lateSince = null;
    if (waits > this.#againAfter) {
      // Asking again ends the script that is at the answer: a slow server gets longer each time.
      this.#inFlight = null;
      this.#againAfter = Math.min(2 * this.#againAfter, MOST_AGAIN_AFTER_MS);
    }
    this.talk();
    onLook();
  }
}
