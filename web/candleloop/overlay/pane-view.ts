/** A layer of the pane: where it lies, and who draws it. */

import type { IPrimitivePaneRenderer, IPrimitivePaneView, PrimitivePaneViewZOrder } from "lightweight-charts";
import type { Target } from "./renderer";

/** Behind the candles yet over the grid, which the library draws over its own layer `bottom`; or over all. */
export type Depth = "behind" | "over";

export class PaneView implements IPrimitivePaneView {
  readonly #order: PrimitivePaneViewZOrder;
  readonly #renderer: IPrimitivePaneRenderer;

  constructor(depth: Depth, draw: (target: Target) => void) {
    this.#order = depth === "behind" ? "normal" : "top";
    this.#renderer = depth === "behind" ? { draw: () => {}, drawBackground: draw } : { draw };
  }

  zOrder(): PrimitivePaneViewZOrder {
    return this.#order;
  }

  renderer(): IPrimitivePaneRenderer {
    return this.#renderer;
  }
}
