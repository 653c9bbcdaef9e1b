/** Figures, names and times as people read them. */

import type { Standing } from "../../spans/view";
import type { TimeRange } from "../../types";

export { labelWords } from "../../spans/label-words";

export const STANDING_WORDS: Record<Standing, string> = {
  agreement: "Agree",
  boundary_mismatch: "Other bounds",
  label_mismatch: "Other label",
  missed_by_human: "Missed by people",
  missed_by_model: "Missed by the model",
};

const MODELS: Record<string, string> = {
  xgboost: "XGBoost",
  random_forest: "Random forest",
  gru: "GRU",
  lstm: "LSTM",
  transformer: "Transformer",
};

export function kindOfModel(name: string): string {
  return MODELS[name] ?? name;
}

/** A share in [0, 1] as whole per cent. */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** The day of a time, in UTC. */
export function dayOf(time: number): string {
  return new Date(1000 * time).toISOString().slice(0, 10);
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

/** Seconds as people guess them. */
export function leftWords(seconds: number): string {
  return seconds < 90 ? `${Math.max(Math.round(seconds), 1)} s` : `${Math.round(seconds / 60)} min`;
}
