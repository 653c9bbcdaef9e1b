/** What is said of the span under the pointer, beside it. All text is set as text. */

import type { OverlaySpan, OverlayTheme } from "./model";

const GAP_PX = 16;

export class SpanTip {
  readonly #parent: HTMLElement;
  readonly #tip: HTMLDivElement;

  constructor(parent: HTMLElement) {
    this.#parent = parent;
    this.#tip = document.createElement("div");
    this.#tip.dataset.spanTip = "";
    this.#tip.setAttribute("role", "tooltip");
    Object.assign(this.#tip.style, {
      position: "absolute",
      zIndex: "6",
      pointerEvents: "none",
      maxWidth: "300px",
      padding: "7px 10px",
      border: "1px solid",
      borderRadius: "6px",
      boxShadow: "0 4px 14px rgb(0 0 0 / 18%)",
      fontSize: "12px",
      lineHeight: "1.4",
      whiteSpace: "pre-line",
      overflowWrap: "anywhere",
    });
    this.#tip.hidden = true;
    parent.append(this.#tip);
  }

  setTheme({ background, text }: OverlayTheme): void {
    Object.assign(this.#tip.style, { background, color: text, borderColor: `${text}38` });
  }

  /** Tells of a span beside a point in pixels; null hides it. */
  tell(span: OverlaySpan | null, x: number, y: number): void {
    this.#tip.hidden = span === null;
    if (span === null) return;
    const title = document.createElement("strong");
    title.textContent = span.tag;
    this.#tip.replaceChildren(title, `\n${span.hover.join("\n")}`);
    const { clientWidth, clientHeight } = this.#parent;
    const { offsetWidth, offsetHeight } = this.#tip;
    const left = x + GAP_PX + offsetWidth > clientWidth ? x - GAP_PX - offsetWidth : x + GAP_PX;
    this.#tip.style.left = `${Math.max(left, 4)}px`;
    this.#tip.style.top = `${Math.max(Math.min(y + GAP_PX, clientHeight - offsetHeight - 4), 4)}px`;
  }

  remove(): void {
    this.#tip.remove();
  }
}
