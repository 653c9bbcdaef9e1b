/** What a chart shows, from what is known: the door to `../spans`. */

import type { OverlaySpan } from "../overlay/model";
import { layersOf } from "../spans/layers";
import { annotationIdOf, isPeoples, type View, viewOf } from "../spans/view";
import type { Candle, DetectedSpan, ModelDescription, Prediction, SpanAnnotation, TimeRange } from "../types";
import type { Selection, Settings } from "./predictions";

export interface ViewInput {
  candles: readonly Candle[];
  annotations: readonly SpanAnnotation[];
  predictions: readonly Prediction[];
  /** The labels that people look for; null where that is not known. */
  sought: readonly string[] | null;
  /** Where the model was asked. */
  asked: readonly TimeRange[];
  detected: readonly DetectedSpan[];
  settings: Settings;
  model: ModelDescription | null;
  /** From this open on the model's word may still change; null where all is settled. */
  provisional_from: number | null;
}

/** Returns the rows, their summary, and everything to draw. */
export function viewFor(input: ViewInput): View & { spans: readonly OverlaySpan[] } {
  const { settings, model, annotations, detected, provisional_from } = input;
  const { threshold, hidden_labels, only_disagreements } = settings;
  const view = viewOf({
    ...input,
    known: model?.model_info.label_names ?? [],
    threshold,
    hidden_labels,
    only_disagreements,
  });
  const colors = new Map(model?.label_config.map(({ name, color }) => [name, color]));
  return { ...view, spans: layersOf({ rows: view.rows, annotations, detected, colors, provisional_from }) };
}

/** Returns what a key stands for: a row, by its own key or that of its person's span, or a person's span alone. */
export function selectionOf(
  key: string | null,
  { rows }: View,
  annotations: readonly SpanAnnotation[],
): Selection | null {
  if (key === null) return null;
  const id = annotationIdOf(key);
  const row = rows.find((one) => one.key === key || (id !== null && one.annotation?.id === id));
  if (row !== undefined) return row;
  const annotation = annotations.find((one) => one.id === id && isPeoples(one));
  return annotation === undefined
    ? null
    : { key, prediction: null, annotation, judged: false, standing: null };
}
