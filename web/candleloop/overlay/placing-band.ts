/** The band over the candles that the next click will mark. */

export interface Shown {
  /** Pixels of the element. */
  left: number;
  right: number;
  /** How much of the element below is the time axis. */
  bottom: number;
  words: string;
}

const COLOR = "#2f6fb2";

export class PlacingBand {
  readonly #band: HTMLDivElement;
  readonly #words: HTMLSpanElement;

  constructor(parent: HTMLElement) {
    this.#band = document.createElement("div");
    this.#band.dataset.placingBand = "";
    this.#words = document.createElement("span");
    Object.assign(this.#band.style, {
      position: "absolute",
      top: "0",
      zIndex: "4",
      pointerEvents: "none",
      boxSizing: "border-box",
      background: `${COLOR}29`,
      borderInline: `1.5px solid ${COLOR}`,
    });
    Object.assign(this.#words.style, {
      position: "absolute",
      top: "30px",
      left: "50%",
      transform: "translateX(-50%)",
      padding: "1px 8px",
      borderRadius: "9px",
      background: COLOR,
      color: "#ffffff",
      font: "500 12px/1.5 system-ui, sans-serif",
      whiteSpace: "nowrap",
    });
    this.#band.append(this.#words);
    this.#band.hidden = true;
    parent.append(this.#band);
  }

  show({ left, right, bottom, words }: Shown): void {
    this.#band.hidden = false;
    this.#band.style.left = `${Math.max(left, 0)}px`;
    this.#band.style.width = `${Math.max(right - Math.max(left, 0), 2)}px`;
    this.#band.style.bottom = `${bottom}px`;
    this.#words.textContent = words;
  }

  hide(): void {
    this.#band.hidden = true;
  }

  remove(): void {
    this.#band.remove();
  }
}
