/** A layer of the pane: where it lies, and who draws it. */

import type { IPrimitivePaneRenderer, IPrimitivePaneView, PrimitivePaneViewZOrder } from "lightweight-charts";
import type { Target } from "./renderer";

export class PaneView implements IPrimitivePaneView {
  readonly #order: PrimitivePaneViewZOrder;
  readonly #renderer: IPrimitivePaneRenderer;

  constructor(order: PrimitivePaneViewZOrder, draw: (target: Target) => void) {
    this.#order = order;
    this.#renderer = { draw };
  }

  zOrder(): PrimitivePaneViewZOrder {
    return this.#order;
  }

  renderer(): IPrimitivePaneRenderer {
    return this.#renderer;
  }
}
