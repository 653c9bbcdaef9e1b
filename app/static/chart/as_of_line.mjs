/** The line after which bars are hidden: at the right edge of the last candle that may be seen. */

export class AsOfLine {
  #chart = null;
  #at = null;
  #theme = null;
  #requestUpdate = () => {};
  #views = [{ zOrder: () => "top", renderer: () => ({ draw: (target) => this.#draw(target) }) }];

  attached({ chart, requestUpdate }) {
    this.#chart = chart;
    this.#requestUpdate = requestUpdate;
  }

  detached() {
    this.#chart = null;
  }

  paneViews() {
    return this.#views;
  }

  setTheme(theme) {
    this.#theme = theme;
    this.#requestUpdate();
  }

  /** @param {number|null} index the last candle that may be seen, or null for no line */
  set(index) {
    this.#at = index;
    this.#requestUpdate();
  }

  #draw(target) {
    if (this.#at === null || this.#chart === null) return;
    const scale = this.#chart.timeScale();
    const x = scale.logicalToCoordinate(this.#at) + scale.options().barSpacing / 2;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.fillStyle = this.#theme.grid;
      context.fillRect(x, 0, mediaSize.width - x, mediaSize.height);
      context.strokeStyle = this.#theme.muted;
      context.lineWidth = 1.5;
      context.setLineDash([3, 3]);
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, mediaSize.height);
      context.stroke();
      context.setLineDash([]);
    });
  }
}
