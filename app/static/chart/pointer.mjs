/** The pointer on the candles: a drag pans or marks, a click chooses, a double click shows the whole window. */

const CLICK_PX = 4;

export class Pointer {
  #root;
  #scale;
  #range;
  #chart;
  #onClick;
  #onPress;
  #pressed = null;
  #bars = null;

  /**
   * @param {HTMLElement} root
   * @param {{scale, range, chart, onPress: () => boolean, onClick: (x: number, y: number) => void}} parts the chart's
   *   time scale, its range selection, the chart itself; `onPress` says whether a drag marks, or null for no candles
   */
  constructor(root, { scale, range, chart, onPress, onClick }) {
    this.#root = root;
    this.#scale = scale;
    this.#range = range;
    this.#chart = chart;
    this.#onPress = onPress;
    this.#onClick = onClick;
  }

  /** Begins to listen; returns what ends it. */
  listen() {
    const listeners = [
      ["pointerdown", (event) => this.#down(event), { capture: true }],
      ["wheel", () => this.#onPress(), { capture: true, passive: true }],
      ["pointermove", (event) => this.#move(event)],
      ["pointerup", (event) => this.#up(event)],
      ["pointercancel", () => this.#leave()],
      ["dblclick", (event) => this.#isOnPane(event) && this.#chart.resetZoom()],
    ];
    for (const listener of listeners) this.#root.addEventListener(...listener);
    return () => listeners.forEach((listener) => this.#root.removeEventListener(...listener));
  }

  #down(event) {
    const marks = this.#onPress();
    if (marks === null || event.button !== 0 || !this.#isOnPane(event)) return;
    this.#pressed = this.#at(event);
    if (marks && !event.shiftKey) {
      this.#root.setPointerCapture(event.pointerId);
      this.#range.clear();
      this.#range.begin(this.#pressed[0]);
    } else if (event.pointerType !== "touch") {
      this.#bars = this.#chart.visibleBars();
    }
  }

  /** Marks or pans. The library's own panning would jump where other candles are loaded meanwhile. */
  #move(event) {
    const [x] = this.#at(event);
    if (this.#range.dragging) this.#range.move(x);
    if (this.#bars === null || Math.abs(x - this.#pressed[0]) <= CLICK_PX) return;
    this.#root.setPointerCapture(event.pointerId);
    const [from, to] = this.#bars;
    const moved = ((this.#pressed[0] - x) / this.#scale.width()) * (to - from);
    this.#chart.lookAt([from + moved, to + moved]);
  }

  #up(event) {
    const pressed = this.#pressed;
    this.#pressed = this.#bars = null;
    if (this.#range.dragging && this.#range.end()) return;
    if (pressed === null) return;
    const [x, y] = this.#at(event);
    if (Math.hypot(x - pressed[0], y - pressed[1]) <= CLICK_PX) this.#onClick(x, y);
  }

  #leave() {
    this.#pressed = this.#bars = null;
    this.#range.clear();
  }

  #at(event) {
    const { left, top } = this.#root.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  /** Whether an event is over the candles, not over an axis. */
  #isOnPane(event) {
    const [x, y] = this.#at(event);
    return x <= this.#scale.width() && y <= this.#root.clientHeight - this.#scale.height();
  }
}
