/** Where the tags of spans stand: beside their box, in the nearest row where they meet no other. */

import type { Box } from "./boxes";

export const TAG_PX = 16;
const ROW_PX = TAG_PX + 2;
const ROWS = 5;
const PADDING_PX = 5;
/** With more boxes than so many, those much narrower than their tag go without. */
const FEW = 25;
const LEGEND_PX = 26;

export interface Tag {
  box: Box;
  left: number;
  top: number;
  width: number;
}

export interface TagRules {
  /** The width of a text in pixels. */
  widthOf: (text: string) => number;
  /** Finds its place before all others. */
  selected: string | null;
}

export const TEXT_LEFT_PX = PADDING_PX;

/** The tags that find a place. */
export function placedTags(boxes: readonly Box[], { widthOf, selected }: TagRules): Tag[] {
  const few = boxes.length <= FEW;
  const isSelected = ({ mark }: Box) => mark.span.key === selected;
  const placed: Tag[] = [];
  const order = [...boxes].sort((a, b) => Number(isSelected(b)) - Number(isSelected(a)) || a.left - b.left);
  for (const box of order) {
    const width = Math.ceil(widthOf(box.mark.span.tag)) + 2 * PADDING_PX;
    if (!few && !isSelected(box) && box.right - box.left < width / 3) continue;
    const left = Math.round(box.left);
    const top = freeTop(box, { left, width }, placed);
    if (top !== null) placed.push({ box, left, top, width });
  }
  return placed;
}

/** The first row that is free, outwards from the box; null where all are taken. */
function freeTop(
  box: Box,
  { left, width }: { left: number; width: number },
  placed: readonly Tag[],
): number | null {
  const near = placed.filter((other) => other.left < left + width && left < other.left + other.width);
  const rows = rowsOf(box);
  return rows.find((top) => !near.some((other) => Math.abs(other.top - top) < TAG_PX + 1)) ?? null;
}

/** Model and TA-Lib speak above the candles, people below; each goes to the other side before it gives up. */
function rowsOf({ mark, top, bottom }: Box): number[] {
  const steps = Array.from({ length: ROWS }, (_, row) => row * ROW_PX);
  const above = steps.map((step) => Math.round(top) - 2 - TAG_PX - step).filter((row) => row > LEGEND_PX);
  const below = steps.map((step) => Math.round(bottom) + 2 + step);
  return mark.span.stroke === "solid" ? [...below, ...above] : [...above, ...below];
}
