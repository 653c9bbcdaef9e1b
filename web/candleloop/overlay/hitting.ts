/** What lies under a point of the pane. */

import type { Box } from "./boxes";
import type { Hit } from "./model";
import { TAG_PX, type Tag } from "./tags";

export interface Drawn {
  boxes: readonly Box[];
  tags: readonly Tag[];
  selected: string | null;
}

const NEAR_PX = 3;
const HANDLE_PX = 6;

/** A bound of the selected span first, since it is dragged; then a tag; then the shortest span, the topmost of equals. */
export function hitAt({ boxes, tags, selected }: Drawn, x: number, y: number): Hit | null {
  const chosen = boxes.find(({ mark }) => mark.span.key === selected && mark.span.movable);
  if (chosen !== undefined) {
    const bound = boundAt(chosen, x, y);
    if (bound !== null) return { key: chosen.mark.span.key, part: bound };
  }
  const tag = tags.find(
    ({ left, top, width }) => x >= left && x <= left + width && y >= top && y <= top + TAG_PX,
  );
  if (tag !== undefined) return { key: tag.box.mark.span.key, part: "tag" };
  const under = boxes.filter((box) => isOn(box, x, y));
  const shortest = under.reduce<Box | null>(
    (best, box) => (best === null || lengthOf(box) <= lengthOf(best) ? box : best),
    null,
  );
  return shortest === null ? null : { key: shortest.mark.span.key, part: "body" };
}

function boundAt({ left, right, top, bottom }: Box, x: number, y: number): "start" | "end" | null {
  if (y < top - NEAR_PX || y > bottom + NEAR_PX) return null;
  const [toStart, toEnd] = [Math.abs(x - left), Math.abs(x - right)];
  if (Math.min(toStart, toEnd) > HANDLE_PX) return null;
  return toStart < toEnd ? "start" : "end";
}

function isOn({ left, right, top, bottom }: Box, x: number, y: number): boolean {
  return x >= left - NEAR_PX && x <= right + NEAR_PX && y >= top - NEAR_PX && y <= bottom + NEAR_PX;
}

function lengthOf({ mark }: Box): number {
  return mark.last - mark.first;
}
