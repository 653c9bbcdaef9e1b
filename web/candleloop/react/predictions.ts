/** What the predictions of a chart are to the components that show them. `use-predictions.ts` makes it. */

import type { OverlaySpan } from "../overlay/model";
import type { Row, Standing, Summary } from "../spans/view";
import type { ModelDescription, Pattern, StoredModel, TimeRange, TrainingRun } from "../types";

export interface Settings {
  /** The master switch. */
  shown: boolean;
  /** Predictions below this confidence are left out; 0.70 at the start. */
  threshold: number;
  hidden_labels: readonly string[];
  only_disagreements: boolean;
  auto_predict: boolean;
  /** CDL functions whose spans are shown. */
  patterns: readonly string[];
}

export interface Service {
  state: "asking" | "up" | "down";
  /** Why it is down, in words. */
  error: string | null;
  ask_now: () => void;
}

/** A prediction under way, or the last one. */
export interface Asking {
  state: "idle" | "running" | "failed";
  of: "visible" | "all";
  /** 0 to 1 where it can be told. */
  progress: number | null;
  error: string | null;
  cancel: () => void;
}

export interface Training {
  /** What the next one learns from: the chart's series, and those of the champion. */
  pairs: readonly string[];
  /** The run that waits or runs, else the newest one of this page. */
  run: TrainingRun | null;
  is_active: boolean;
  error: string | null;
  start: (modelType: string) => void;
  cancel: () => void;
}

export interface Verdicts {
  confirm: (key: string) => void;
  correct: (key: string, change: { label?: string } & Partial<TimeRange>) => void;
  dismiss: (key: string) => void;
  /** Whether a span stems from a verdict given here that stands; `correct` then takes that verdict's place. */
  is_given: (key: string) => boolean;
  /** Takes the last verdict back; null where there is none. */
  undo: (() => void) | null;
  /** How many wait for the service. */
  waiting: number;
  /** What the service refused, in its words. */
  refused: string | null;
  /** Why what waits waits, or that this browser cannot keep it over a reload; null where all is well. */
  warning: string | null;
}

/** What is selected: a row, or a person's span where nothing was predicted, whose standing is null. */
export type Selection = Pick<Row, "key" | "prediction" | "annotation" | "judged"> & {
  standing: Standing | null;
};

export interface Predictions {
  /** Whether the feature is on at all; where it is not, the service is never asked. */
  enabled: boolean;
  settings: Settings;
  change: (settings: Partial<Settings>) => void;
  service: Service;
  model: ModelDescription | null;
  models: readonly StoredModel[];
  load_model: (runId: string) => void;
  model_error: string | null;
  /** The labels that people look for; null where that is not known. */
  sought: readonly string[] | null;
  /** Everything to draw: people's spans, predictions, TA-Lib's. */
  spans: readonly OverlaySpan[];
  /** Every prediction and people's span that passes the filters, by time. */
  rows: readonly Row[];
  summary: Summary;
  /** The key of what is selected on the chart: a prediction's, or that of a person's span. */
  selected_key: string | null;
  selected: Selection | null;
  select: (key: string | null) => void;
  /** Selects the next or the one before, by time. */
  step: (by: 1 | -1) => void;
  asking: Asking;
  predict_visible: () => void;
  predict_all: () => void;
  patterns: readonly Pattern[];
  pattern_error: string | null;
  training: Training;
  verdicts: Verdicts;
}
