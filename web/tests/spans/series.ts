/** Candles and annotations for the tests of spans. */

import type { Candle, Prediction, SpanAnnotation } from "@/candleloop/types";

/** A candle at each time; what it costs does not matter. */
export function candlesAt(times: readonly number[]): Candle[] {
  return times.map((time) => ({ time, open: 1, high: 2, low: 0.5, close: 1.5 }));
}

/** So many candles, ten seconds each from 0 on. */
export function tens(count: number): Candle[] {
  return candlesAt(Array.from({ length: count }, (_, at) => 10 * at));
}

/** A person's span, but for what is given. */
export function annotated(given: Partial<SpanAnnotation> = {}): SpanAnnotation {
  return {
    id: "a1",
    label: "flag",
    start_time: 100,
    end_time: 200,
    source: "human",
    confidence: null,
    outcome: null,
    notes: null,
    sub_spans: null,
    model_prediction: null,
    ...given,
  };
}

/** A prediction, but for what is given. */
export function predicted(given: Partial<Prediction> = {}): Prediction {
  const { label = "flag", start_time = 100, end_time = 200 } = given;
  return {
    key: `v1:${label}|${start_time}|${end_time}`,
    label,
    start_time,
    end_time,
    avg_confidence: 0.9,
    candle_count: (end_time - start_time) / 10 + 1,
    model_version: "1",
    provisional_from: null,
    ...given,
  };
}
