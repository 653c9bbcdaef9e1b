/** Where the tags of spans stand: beside their box, where they meet no other tag and, if it can be, no candle. */

import type { Box } from "./boxes";

export const TAG_PX = 16;
const ROW_PX = TAG_PX + 2;
const PADDING_PX = 5;
/** With more boxes than so many, those much narrower than their tag go without, and none stands far off. */
const FEW = 25;
const ROWS = { few: 5, many: 2 };
const LEGEND_PX = 26;
/** From the box to its tag; an outline lies between. */
const AWAY_PX = { plain: 2, outlined: 5 };
const EDGE_PX = 2;

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
  /** The width of the pane in pixels: tags stay on it. */
  paneWidth: number;
  /** From where to where, in pixels from above, candles reach between two places; null without candles. */
  candlesBetween: (left: number, right: number) => { top: number; bottom: number } | null;
}

export const TEXT_LEFT_PX = PADDING_PX;

/** The tags that find a place. */
export function placedTags(boxes: readonly Box[], rules: TagRules): Tag[] {
  const few = boxes.length <= FEW;
  const isSelected = ({ mark }: Box) => mark.span.key === rules.selected;
  const placed: Tag[] = [];
  const order = [...boxes].sort((a, b) => Number(isSelected(b)) - Number(isSelected(a)) || a.left - b.left);
  for (const box of order) {
    const width = Math.ceil(rules.widthOf(box.mark.span.tag)) + 2 * PADDING_PX;
    if (!few && !isSelected(box) && box.right - box.left < width / 3) continue;
    const spots = spotsOf(box, width, { rows: few ? ROWS.few : ROWS.many, rules });
    const free = spots.filter((spot) => !placed.some((other) => meet(spot, other)));
    const spot = free.find((one) => !one.isOnCandles()) ?? free[0];
    if (spot !== undefined) placed.push({ box, left: spot.left, top: spot.top, width });
  }
  return placed;
}

interface Spot {
  left: number;
  top: number;
  width: number;
  isOnCandles: () => boolean;
}

function meet(one: Spot, other: Tag): boolean {
  if (Math.abs(one.top - other.top) > TAG_PX) return false;
  return one.left < other.left + other.width && other.left < one.left + one.width;
}

/** Where a tag may stand, the best place first: near the box rather than far, on its own side rather than the other. */
function spotsOf(box: Box, width: number, { rows, rules }: { rows: number; rules: TagRules }): Spot[] {
  const lefts = leftsOf(box, width, rules.paneWidth).map((left) => {
    const reach = lazily(() => rules.candlesBetween(left, left + width));
    return { left, isOn: (top: number) => isBetween(top, reach()) };
  });
  return topsOf(box, rows).flatMap((top) =>
    lefts.map(({ left, isOn }) => ({ left, top, width, isOnCandles: () => isOn(top) })),
  );
}

function isBetween(top: number, reach: { top: number; bottom: number } | null): boolean {
  return reach !== null && top < reach.bottom && top + TAG_PX > reach.top;
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** From the box's start on, else up to its end; on the pane even where the box is not wholly. */
function leftsOf({ left, right }: Box, width: number, paneWidth: number): number[] {
  const onPane = (x: number) => Math.round(Math.max(Math.min(x, paneWidth - width - EDGE_PX), EDGE_PX));
  const [start, end] = [onPane(left), onPane(right - width)];
  return start === end ? [start] : [start, end];
}

/** Model and TA-Lib speak above the candles, people below; each goes to the other side before it goes far or gives up. */
function topsOf({ mark, top, bottom }: Box, rows: number): number[] {
  const away = mark.span.outline === null ? AWAY_PX.plain : AWAY_PX.outlined;
  const steps = Array.from({ length: rows }, (_, row) => row * ROW_PX);
  const above = steps.map((step) => Math.round(top) - away - TAG_PX - step);
  const below = steps.map((step) => Math.round(bottom) + away + step);
  const [own, other] = mark.span.stroke === "solid" ? [below, above] : [above, below];
  const near = 2;
  const tops = [...own.slice(0, near), ...other.slice(0, near), ...own.slice(near), ...other.slice(near)];
  return tops.filter((row) => row > LEGEND_PX);
}
