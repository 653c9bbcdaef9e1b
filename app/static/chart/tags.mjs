/** Where the tags of spans stand: beside their span, in the nearest row where they meet no other. */

export const TAG_PX = 18;
const ROWS = 4;
const PADDING_PX = 5;
const FEW = 25;
const LEGEND_PX = 22;

/**
 * @typedef {{left: number, top: number, width: number, text: string, color: string, faint: boolean, box: object}} Tag
 */

/**
 * @param {Array<object>} boxes visible ones, in pixels: left, right, top, bottom, span, side ("above" | "below")
 * @param {(text: string) => number} widthOf the width of a text in pixels
 * @returns {Array<Tag>} selected spans' tags first, which find a place before all others
 */
export function placedTags(boxes, widthOf) {
  const tagged = boxes.filter((box) => box.side !== "none" && box.span.tag);
  const few = tagged.length <= FEW;
  const placed = [];
  for (const box of tagged.sort((a, b) => Number(b.span.selected) - Number(a.span.selected) || a.left - b.left)) {
    const width = widthOf(box.span.tag) + 2 * PADDING_PX;
    if (!few && !box.span.selected && box.right - box.left < width / 3) continue;
    const top = freeTop(box, width, placed);
    if (top === null) continue;
    const { tag: text, color, faint } = box.span;
    placed.push({ left: box.left, top, width, text, color, faint, box });
  }
  return placed;
}

/** The first free row outside of the box, or inside it where the chart ends before. */
function freeTop(box, width, placed) {
  for (const top of rows(box)) {
    const meets = placed.some(
      (other) =>
        Math.abs(other.top - top) < TAG_PX && other.left < box.left + width && box.left < other.left + other.width,
    );
    if (!meets) return top;
  }
  return null;
}

function rows({ side, top, bottom }) {
  const steps = Array.from({ length: ROWS }, (_, row) => row * (TAG_PX + 1));
  const above = (edge) => steps.map((step) => edge - 1 - TAG_PX - step);
  const below = (edge) => steps.map((step) => edge + 2 + step);
  if (side === "below") return [...below(bottom), ...above(bottom)];
  return [...above(top).filter((row) => row > LEGEND_PX), ...below(Math.max(top, LEGEND_PX))];
}

/** Draws tags on a canvas in media pixels. */
export function drawTags(context, tags, font, readableOn) {
  context.font = font;
  context.textBaseline = "middle";
  for (const tag of tags) {
    context.globalAlpha = tag.faint ? 0.55 : 0.95;
    context.fillStyle = tag.color;
    context.beginPath();
    context.roundRect(tag.left, tag.top, tag.width, TAG_PX - 2, 4);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = readableOn(tag.color);
    context.fillText(tag.text, tag.left + PADDING_PX, tag.top + (TAG_PX - 2) / 2 + 0.5);
  }
}
