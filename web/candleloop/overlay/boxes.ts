/** Where marks are on the pane, in pixels of the page. */

import { firstFrom, type Mark } from "./marks";

export interface Box {
  mark: Mark;
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** Where the hatching begins; null for none. */
  hatched: number | null;
}

/** What of the chart's scales is needed. */
export interface Scales {
  /** The logical range that is visible; null before the first candles. */
  visible: { from: number; to: number } | null;
  barSpacing: number;
  x: (logical: number) => number | null;
  y: (price: number) => number | null;
}

const GAP_PX = 4;
const LANE_PX = 4;
/** Outer lanes reach a little farther to the sides, so that spans with one bound do not share a border. */
const ASIDE_PX = 2;

/** The boxes of the marks that are visible. `longest` is how many candles the longest mark has. */
export function visibleBoxes(marks: readonly Mark[], longest: number, scales: Scales): Box[] {
  const { visible } = scales;
  if (visible === null) return [];
  const boxes: Box[] = [];
  for (let at = firstFrom(marks, visible.from - longest - 1); at < marks.length; at += 1) {
    const mark = marks[at];
    if (mark === undefined || mark.first > visible.to + 1) break;
    if (mark.last < visible.from - 1) continue;
    const box = boxOf(mark, scales);
    if (box !== null) boxes.push(box);
  }
  return boxes;
}

function boxOf(mark: Mark, { barSpacing, x, y }: Scales): Box | null {
  const [left, right, top, bottom] = [x(mark.first), x(mark.last), y(mark.high), y(mark.low)];
  if (left === null || right === null || top === null || bottom === null) return null;
  const half = barSpacing / 2 + Math.min(ASIDE_PX * mark.lane, barSpacing / 4);
  const gap = GAP_PX + LANE_PX * mark.lane;
  const hatched = mark.hatched === null ? null : x(mark.hatched);
  return {
    mark,
    left: left - half,
    right: right + half,
    top: top - gap,
    bottom: bottom + gap,
    hatched: hatched === null ? null : hatched - barSpacing / 2,
  };
}
