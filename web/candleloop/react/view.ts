/** What a chart shows, from what is known: the door to `../spans`. */

import type { OverlaySpan } from "../overlay/model";
import type { Row, Summary } from "../spans/view";
import type { Candle, DetectedSpan, ModelDescription, Prediction, SpanAnnotation } from "../types";
import type { Settings } from "./predictions";

export interface ViewInput {
  candles: readonly Candle[];
  annotations: readonly SpanAnnotation[];
  predictions: readonly Prediction[];
  detected: readonly DetectedSpan[];
  settings: Settings;
  model: ModelDescription | null;
  /** From this open on the model's word may still change; null where all is settled. */
  provisional_from: number | null;
}

export interface View {
  spans: readonly OverlaySpan[];
  rows: readonly Row[];
  summary: Summary;
}

/** Returns the rows, their summary, and everything to draw. */
export function viewFor({ annotations, predictions, settings }: ViewInput): View {
  const rows: Row[] = predictions
    .filter((one) => one.avg_confidence >= settings.threshold)
    .map((prediction) => {
      const annotation =
        annotations.find(
          (one) => one.start_time <= prediction.end_time && one.end_time >= prediction.start_time,
        ) ?? null;
      const standing =
        annotation === null
          ? "missed_by_human"
          : annotation.label === prediction.label
            ? "agreement"
            : "label_mismatch";
      return { key: prediction.key, standing, prediction, annotation, start_bars: null, end_bars: null };
    });
  const counts = {
    agreement: 0,
    boundary_mismatch: 0,
    label_mismatch: 0,
    missed_by_human: 0,
    missed_by_model: 0,
  };
  for (const { standing } of rows) counts[standing] += 1;
  return {
    spans: [],
    rows,
    summary: { counts, agreement_rate: rows.length === 0 ? null : counts.agreement / rows.length },
  };
}
