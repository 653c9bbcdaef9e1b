/** A span that is being drawn or changed: label and bounds, moved candle by candle. */

export class Draft {
  /**
   * @param {"correct"|"add"} action
   * @param {{label: string|null, start_time: number, end_time: number}} span to begin with
   * @param {ArrayLike<number>} times the opens of the candles that are shown
   * @param {string[]} labels that may be given
   */
  constructor(action, span, times, labels) {
    this.action = action;
    this.original = { label: span.label, start_time: span.start_time, end_time: span.end_time };
    this.label = span.label;
    this.start = nearest(times, span.start_time);
    this.end = nearest(times, span.end_time);
    this.times = times;
    this.labels = labels;
    this.active = "end";
  }

  get span() {
    return { label: this.label, start_time: this.times[this.start], end_time: this.times[this.end] };
  }

  get bars() {
    return this.end - this.start + 1;
  }

  /** Whether there is anything to save. */
  get changed() {
    const { label, start_time, end_time } = this.span;
    if (!label) return false;
    if (this.action === "add") return true;
    const was = this.original;
    return label !== was.label || start_time !== was.start_time || end_time !== was.end_time;
  }

  /** Moves the active bound, never past the other one. */
  move(by) {
    const last = this.times.length - 1;
    if (this.active === "end") this.end = Math.min(Math.max(this.end + by, this.start), last);
    else this.start = Math.max(Math.min(this.start + by, this.end), 0);
  }

  switchBound() {
    this.active = this.active === "end" ? "start" : "end";
  }

  /** Takes a range that was dragged over. */
  drag({ start_time: start, end_time: end }) {
    this.start = nearest(this.times, start);
    this.end = nearest(this.times, end);
  }

  /** The label before or after the present one. */
  step(by) {
    const at = this.labels.indexOf(this.label);
    const next = at < 0 ? 0 : (at + by + this.labels.length) % this.labels.length;
    this.label = this.labels[next];
  }
}

/** The candle that opens next to a time. */
function nearest(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time - times[low - 1] < times[low] - time ? low - 1 : low;
}
