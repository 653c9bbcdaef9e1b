/** The nouns of the parts, in the names of the API and of the annotation tool. Times are Unix seconds UTC, of opens. */

import type { Annotation, Span } from "./candleloop-api";

export type {
  Candle,
  DetectedSpan,
  Feedback,
  FeedbackRecorded,
  Health,
  Label,
  Metrics,
  ModelDescription,
  ModelInfo,
  Pattern,
  PredictResponse,
  Problem,
  Span,
  StoredModel,
  StoredSeries,
  TrainingRun,
} from "./candleloop-api";

/** The label of a dismissed prediction. */
export const NOTHING = "O";

export interface JudgedPrediction {
  label: string;
  confidence?: number | null;
  model_version?: string | null;
  start_time?: number | null;
  end_time?: number | null;
}

/** A person's span, in the shape that the annotation tool exports; what it leaves out is null. */
export interface SpanAnnotation {
  id: string;
  label: string;
  start_time: number;
  end_time: number;
  source: string;
  confidence: number | null;
  outcome: string | null;
  notes: string | null;
  sub_spans: Annotation["sub_spans"];
  model_prediction: JudgedPrediction | null;
  annotator?: string | null;
}

/** A closed range of candles, both of their opens. */
export interface TimeRange {
  start_time: number;
  end_time: number;
}

/** A predicted span, and which model said it. */
export interface Prediction extends Span {
  key: string;
  model_version: string;
  /** From this open on the model's word may still change; null where all of it is settled. */
  provisional_from: number | null;
}

export interface Series {
  pair: string;
  timeframe: string;
}
