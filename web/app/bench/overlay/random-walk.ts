/** Candles and spans that are the same at each visit. */

import type { OverlaySpan, Stroke } from "@/candleloop/overlay";
import type { Candle } from "@/candleloop/types";

const FROM = Date.UTC(2024, 0, 1) / 1000;
const HOUR = 3_600;
const STROKES: readonly Stroke[] = ["solid", "dashed", "dotted", "dashed"];
const LABELS = [
  ["Bull flag", "#2e9e5b"],
  ["Head and shoulders", "#c2413b"],
  ["Wedge", "#1f77b4"],
  ["Double top", "#8a63d2"],
  ["Bullish engulfing", "#e8710a"],
] as const;

/** Hourly candles of a random walk. */
export function randomWalk(count: number): Candle[] {
  const draw = drawing(7);
  let close = 100;
  return Array.from({ length: count }, (_, at) => {
    const open = close;
    close = open * (1 + 0.012 * (draw() - 0.497));
    const high = Math.max(open, close) * (1 + 0.004 * draw());
    const low = Math.min(open, close) * (1 - 0.004 * draw());
    return { time: FROM + HOUR * at, open, high, low, close };
  });
}

/** Spans all along the candles, of 4 to 40 candles, with every stroke, outline and hatching. */
export function madeSpans(candles: readonly Candle[], count: number): OverlaySpan[] {
  const draw = drawing(11);
  return Array.from({ length: count }, (_, number) => {
    const first = Math.floor(((number + 0.6 * draw()) * candles.length) / count);
    const last = Math.min(first + 3 + Math.floor(36 * draw() * draw()), candles.length - 1);
    const times = [first, last].map((at) => candles[at]?.time ?? FROM);
    return madeSpan(number, times[0] ?? FROM, times[1] ?? FROM);
  });
}

function madeSpan(number: number, start_time: number, end_time: number): OverlaySpan {
  const stroke = STROKES[number % STROKES.length] ?? "solid";
  const [label, color] = LABELS[number % LABELS.length] ?? LABELS[0];
  const isPredicted = stroke === "dashed";
  const middle = start_time + HOUR * Math.floor((end_time - start_time) / HOUR / 2);
  return {
    key: `made:${number}`,
    tag: isPredicted ? `${label} 0.${60 + (number % 40)}` : label,
    hover: [],
    start_time,
    end_time,
    color,
    stroke,
    outline: isPredicted ? (([null, "orange", "yellow"] as const)[(number >> 1) % 3] ?? null) : null,
    provisional_from: isPredicted && number % 8 === 3 ? middle : null,
    movable: stroke !== "dotted",
  };
}

/** Numbers in [0, 1), the same for the same seed. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
