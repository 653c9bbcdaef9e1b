/** Which place is on screen and which come next: the queue, or a series in order of time. */

const AHEAD = 6;
const BEHIND = 2;

export class Course {
  /** @param {object[]} entries @param {number} at the one on screen */
  constructor(entries = [], at = 0) {
    this.entries = entries;
    this.at = at;
    this.detour = null;
  }

  /** What is on screen: an entry, a place beside the course, or null at its end. */
  get current() {
    return this.detour ?? this.entries[this.at] ?? null;
  }

  get atEnd() {
    return this.detour === null && this.at >= this.entries.length;
  }

  /** Steps by one; a place beside the course is left for the entry before or after it. */
  step(by) {
    if (this.detour === null) this.at += by;
    else if (by < 0) this.at -= 1;
    this.detour = null;
    this.at = Math.min(Math.max(this.at, 0), this.entries.length);
  }

  /** Goes to the next entry without a verdict, or to the end. */
  toNext(isJudged) {
    const from = this.detour === null ? this.at + 1 : this.at;
    this.detour = null;
    let next = from;
    while (next < this.entries.length && isJudged(this.entries[next])) next += 1;
    if (next >= this.entries.length) {
      const left = this.entries.findIndex((entry) => !isJudged(entry));
      next = left < 0 ? this.entries.length : left;
    }
    this.at = next;
  }

  /** Shows a place: where it lies on the course, else beside it. */
  goTo(entry) {
    const found = this.entries.findIndex((one) => one.key === entry.key);
    if (found >= 0) {
      this.detour = null;
      this.at = found;
    } else {
      this.detour = entry;
    }
  }

  /** Of a course in order of time: puts the place where the next step goes on from a time. */
  alignTo(time) {
    const found = this.entries.findIndex((one) => one.start_time >= time);
    this.at = found < 0 ? this.entries.length : found;
  }

  /** What is to be loaded, the most urgent first. */
  wanted() {
    const around = [this.current];
    for (let i = this.detour === null ? 1 : 0; i <= AHEAD; i += 1) around.push(this.entries[this.at + i]);
    for (let i = 1; i <= BEHIND; i += 1) around.push(this.entries[this.at - i]);
    return around.filter(Boolean);
  }
}
