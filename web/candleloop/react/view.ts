/** What a chart shows, put together from what is known: the door to `../spans`. */

import type { KnownPredictions } from "../client/known-predictions";
import type { OverlaySpan } from "../overlay/model";
import { layersOf } from "../spans/layers";
import { isProvisional, provisionalFrom } from "../spans/provisional";
import { type Row, type Summary, viewOf } from "../spans/view";
import type { Candle, DetectedSpan, ModelDescription, Prediction, SpanAnnotation } from "../types";
import type { Settings } from "./predictions";

export interface ViewInput {
  candles: readonly Candle[];
  annotations: readonly SpanAnnotation[];
  known: KnownPredictions;
  /** The labels that people look for; null where that is not known. */
  sought: readonly string[] | null;
  detected: readonly DetectedSpan[];
  /** Of labels, where they are not the model's own. */
  colors: ReadonlyMap<string, string>;
  settings: Settings;
  model: ModelDescription | null;
  /** Whether predictions are shown at all. */
  is_shown: boolean;
}

export interface ChartView {
  spans: readonly OverlaySpan[];
  rows: readonly Row[];
  summary: Summary;
}

/** Returns the rows, their summary, and everything to draw. */
export function viewFor({
  candles,
  annotations,
  known,
  sought,
  detected,
  colors,
  settings,
  model,
  is_shown,
}: ViewInput): ChartView {
  const { threshold, hidden_labels, only_disagreements } = settings;
  const { rows, summary } = viewOf({
    candles,
    annotations,
    predictions: is_shown ? predictionsOf(known, candles, model) : [],
    asked: is_shown ? known.covered : [],
    sought,
    known: model?.model_info.label_names ?? [],
    threshold,
    hidden_labels,
    only_disagreements,
  });
  const models = model?.label_config.map(({ name, color }) => [name, color] as const) ?? [];
  const drawn = { rows, annotations, detected, colors: new Map([...models, ...colors]) };
  return { rows, summary, spans: layersOf(drawn) };
}

function predictionsOf(
  { version, spans }: KnownPredictions,
  candles: readonly Candle[],
  model: ModelDescription | null,
): Prediction[] {
  if (version === null) return [];
  const from = new Map(
    model?.label_config.map(({ name, provisional_bars }) => [
      name,
      provisionalFrom(candles, provisional_bars),
    ]),
  );
  return spans.map((span) => {
    const open = from.get(span.label) ?? null;
    return {
      ...span,
      key: `prediction:${span.label}|${span.start_time}|${span.end_time}`,
      model_version: version,
      provisional_from: isProvisional(span, open) ? open : null,
    };
  });
}
