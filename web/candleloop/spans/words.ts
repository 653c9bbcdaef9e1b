/** Spans, figures and times as people read them. */

import type { TimeRange } from "../types";
import type { Standing } from "./view";

export const STANDING_WORDS: Record<Standing, string> = {
  agreement: "Agreed",
  boundary_mismatch: "Other bounds",
  label_mismatch: "Other label",
  missed_by_human: "Missed by people",
  missed_by_model: "Missed by the model",
  not_sought: "Label that people leave out",
};

/** A confidence in [0, 1] with two decimals, never rounded up to certainty. */
export function confidenceWords(confidence: number): string {
  return (Math.floor(100 * confidence + 1e-9) / 100).toFixed(2);
}

/** Date and minute of a time, in UTC. */
export function minuteOf(time: number): string {
  return new Date(1000 * time).toISOString().slice(0, 16).replace("T", " ");
}

/** First and last candle of a span; the day once where both have the same. */
export function rangeWords({ start_time, end_time }: TimeRange): string {
  const [start, end] = [minuteOf(start_time), minuteOf(end_time)];
  if (start === end) return start;
  return `${start} – ${start.slice(0, 10) === end.slice(0, 10) ? end.slice(11) : end}`;
}
