/** What a chart shows of people's spans beside predictions: which agree, which differ, and how many. */

import type { Prediction, SpanAnnotation } from "../types";

export type Standing =
  | "agreement"
  | "boundary_mismatch"
  | "label_mismatch"
  | "missed_by_human"
  | "missed_by_model";

/** A prediction and the person's span about the same candles; one of the two may be missing. */
export interface Row {
  key: string;
  standing: Standing;
  prediction: Prediction | null;
  annotation: SpanAnnotation | null;
  /** How many candles later the prediction starts and ends; null where one is missing. */
  start_bars: number | null;
  end_bars: number | null;
}

export interface Summary {
  counts: Record<Standing, number>;
  /** Share of all rows that have one label on about the same candles; null without rows. */
  agreement_rate: number | null;
}
