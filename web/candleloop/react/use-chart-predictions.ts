/** Composes what `usePredictions` gives. */

import type { Predictions } from "./predictions";
import type { ChartInput } from "./provider";

const nothing = () => {};

/** Returns the predictions of a chart. */
export function useChartPredictions(input: ChartInput): Predictions {
  return {
    enabled: input.enabled ?? process.env.NEXT_PUBLIC_PREDICTIONS_ENABLED !== "false",
    settings: {
      shown: true,
      threshold: 0.7,
      hidden_labels: [],
      only_disagreements: false,
      auto_predict: false,
      patterns: [],
    },
    change: nothing,
    service: { state: "asking", error: null, ask_now: nothing },
    model: null,
    models: [],
    load_model: nothing,
    model_error: null,
    spans: [],
    rows: [],
    summary: {
      counts: {
        agreement: 0,
        boundary_mismatch: 0,
        label_mismatch: 0,
        missed_by_human: 0,
        missed_by_model: 0,
      },
      agreement_rate: null,
    },
    selected_key: null,
    selected: null,
    select: nothing,
    step: nothing,
    asking: { state: "idle", of: "visible", progress: null, error: null, cancel: nothing },
    predict_visible: nothing,
    predict_all: nothing,
    patterns: [],
    pattern_error: null,
    training: { run: null, is_active: false, error: null, start: nothing, cancel: nothing },
    verdicts: {
      confirm: nothing,
      correct: nothing,
      dismiss: nothing,
      undo: null,
      waiting: 0,
      refused: null,
      warning: null,
    },
  };
}
