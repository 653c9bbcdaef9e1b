/** Draws boxes and tags; whole pixels of the screen, so that edges are crisp at every density. */

import type { IPrimitivePaneRenderer } from "lightweight-charts";
import type { Box } from "./boxes";
import { faded, readableOn } from "./colors";
import type { OverlayTheme, Stroke } from "./model";
import { TAG_PX, type Tag, TEXT_LEFT_PX } from "./tags";

export interface Drawing {
  boxes: readonly Box[];
  theme: OverlayTheme;
  selected: string | null;
  hovered: string | null;
}

export type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

interface Pen {
  context: CanvasRenderingContext2D;
  across: number;
  down: number;
  /** Those of each stroke in pixels of the screen. */
  dashes: Record<Stroke, number[]>;
}

interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

const DASHES: Record<Stroke, readonly number[]> = { solid: [], dashed: [6, 4], dotted: [2, 3] };
const BORDER_PX = 1.5;
const OUTLINE_PX = 2.5;
/** From the border to the outline, so that both are seen where they have one colour. */
const OUTLINE_GAP_PX = 1;
/** Boxes narrower than this have thinner lines, else there would be nothing but lines. */
const THIN_BELOW_PX = 12;
const NARROW_PX = 3;
/** Between two strokes of the hatching; what is narrower is tinted instead. */
const HATCH_PX = 6;
const HANDLE = { width: 5, height: 18 };

/** Draws the boxes of spans. */
export function drawBoxes(target: Target, drawing: Drawing): void {
  target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio: across, verticalPixelRatio: down }) => {
    const pen = { context, across, down, dashes: dashesAt(across) };
    for (const box of drawing.boxes) drawBox(pen, box, drawing);
    context.setLineDash([]);
  });
}

function drawBox(pen: Pen, box: Box, { theme, selected, hovered }: Drawing): void {
  const { span } = box.mark;
  const isSelected = span.key === selected;
  const rect = bitmapRect(pen, box);
  const { context, across } = pen;
  const width = box.right - box.left;
  const thin = width < THIN_BELOW_PX ? 0.6 : 1;
  if (span.outline !== null) strokeAround(pen, rect, { color: theme.outlines[span.outline], thin });
  if (width < NARROW_PX) {
    fillNarrow(pen, rect, span.color);
    return;
  }
  context.fillStyle = faded(span.color, isSelected ? 0.2 : span.key === hovered ? 0.15 : 0.08);
  context.fillRect(rect.left, rect.top, rect.width, rect.height);
  if (box.hatched !== null) hatch(pen, box, rect);
  const line = Math.max(1, Math.round((isSelected ? 2 : thin) * BORDER_PX * across));
  context.strokeStyle = span.color;
  context.lineWidth = line;
  context.setLineDash(pen.dashes[span.stroke]);
  strokeInside(context, rect, line);
}

function dashesAt(across: number): Record<Stroke, number[]> {
  const scaled = (stroke: Stroke) => DASHES[stroke].map((dash) => dash * across);
  return { solid: scaled("solid"), dashed: scaled("dashed"), dotted: scaled("dotted") };
}

function bitmapRect(
  { across, down }: { across: number; down: number },
  { left, right, top, bottom }: Box,
): Rect {
  const [x, y] = [Math.round(left * across), Math.round(top * down)];
  return { left: x, top: y, width: Math.round(right * across) - x, height: Math.round(bottom * down) - y };
}

/** A stroke whose outer edge is the rectangle's. */
function strokeInside(
  context: CanvasRenderingContext2D,
  { left, top, width, height }: Rect,
  line: number,
): void {
  context.strokeRect(left + line / 2, top + line / 2, width - line, height - line);
}

function strokeAround(
  { context, across }: Pen,
  { left, top, width, height }: Rect,
  { color, thin }: { color: string; thin: number },
): void {
  const line = Math.max(1, Math.round(OUTLINE_PX * thin * across));
  const gap = Math.round(OUTLINE_GAP_PX * across) + line / 2;
  context.setLineDash([]);
  context.strokeStyle = color;
  context.lineWidth = line;
  context.strokeRect(left - gap, top - gap, width + 2 * gap, height + 2 * gap);
}

function fillNarrow({ context }: Pen, { left, top, width, height }: Rect, color: string): void {
  context.fillStyle = faded(color, 0.5);
  context.fillRect(left, top, Math.max(width, 1), height);
}

function hatch(
  { context, across, down }: Pen,
  { hatched, mark }: Box,
  { left, top, width, height }: Rect,
): void {
  const from = Math.max(left, Math.round((hatched ?? 0) * across));
  const end = left + width;
  if (from >= end) return;
  const step = Math.round(HATCH_PX * down);
  if (end - from < step) {
    context.fillStyle = faded(mark.span.color, 0.3);
    context.fillRect(from, top, end - from, height);
    return;
  }
  context.save();
  context.beginPath();
  context.rect(from, top, end - from, height);
  context.clip();
  context.beginPath();
  for (let x = from - height; x < end; x += step) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.setLineDash([]);
  context.strokeStyle = faded(mark.span.color, 0.45);
  context.lineWidth = Math.max(1, Math.round(across));
  context.stroke();
  context.restore();
}

/** Draws the bounds that can be dragged, over the candles. */
export function drawHandles(target: Target, { boxes, theme, selected }: Drawing): void {
  const box = selected === null ? undefined : boxes.find(({ mark }) => mark.span.key === selected);
  if (!box?.mark.span.movable) return;
  target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio: across, verticalPixelRatio: down }) => {
    const { left, top, width, height } = bitmapRect({ across, down }, box);
    const handle = { width: Math.round(HANDLE.width * across), height: Math.round(HANDLE.height * down) };
    const y = Math.round(top + (height - handle.height) / 2);
    context.fillStyle = box.mark.span.color;
    context.strokeStyle = theme.background;
    context.lineWidth = 2 * Math.round(across);
    for (const x of [left, left + width]) {
      context.beginPath();
      context.roundRect(Math.round(x - handle.width / 2), y, handle.width, handle.height, 2 * across);
      context.stroke();
      context.fill();
    }
  });
}

/** Draws tags, over all else. */
export function drawTags(target: Target, tags: readonly Tag[], { theme, selected }: Drawing): void {
  target.useMediaCoordinateSpace(({ context }) => {
    context.font = fontOf(theme);
    context.textBaseline = "middle";
    for (const tag of tags) drawTag(context, tag, selected);
    context.globalAlpha = 1;
  });
}

/** The tags' font. */
export function fontOf({ font }: OverlayTheme): string {
  return `500 11px ${font}`;
}

function drawTag(
  context: CanvasRenderingContext2D,
  { box, left, top, width }: Tag,
  selected: string | null,
): void {
  const { span } = box.mark;
  context.globalAlpha = selected === null || span.key === selected ? 0.95 : 0.85;
  context.fillStyle = span.color;
  context.beginPath();
  context.roundRect(left, top, width, TAG_PX, 3);
  context.fill();
  context.globalAlpha = 1;
  context.fillStyle = readableOn(span.color);
  context.fillText(span.tag, left + TEXT_LEFT_PX, top + TAG_PX / 2 + 0.5);
}
