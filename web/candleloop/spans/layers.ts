/** What the overlay draws: people's spans solid, predictions dashed, TA-Lib's dotted. */

import type { Outline, OverlaySpan } from "../overlay/model";
import type { DetectedSpan, SpanAnnotation } from "../types";
import { colorOf } from "./colors";
import { labelWords, tagWords } from "./label-words";
import { annotationKey, isPeoples, type Row, type Standing } from "./view";
import { confidenceWords, rangeWords, STANDING_WORDS } from "./words";

export interface Layers {
  rows: readonly Row[];
  annotations: readonly SpanAnnotation[];
  detected: readonly DetectedSpan[];
  /** Of each label. */
  colors: ReadonlyMap<string, string>;
}

const OUTLINES: Partial<Record<Standing, Outline>> = { label_mismatch: "orange", missed_by_human: "yellow" };

/** Every span to draw; what a person has judged is drawn as that person's. */
export function layersOf(layers: Layers): OverlaySpan[] {
  const talib = layers.annotations.filter(({ source }) => source === "talib");
  const dotted = [...talib, ...layers.detected].map((span) => detectedSpan(span, layers));
  return [
    // What is stored may be detected once more.
    ...new Map(dotted.map((span) => [span.key, span])).values(),
    ...layers.rows.flatMap((row) => predictedSpan(row, layers)),
    ...layers.annotations.filter(isPeoples).map((one) => personsSpan(one, layers)),
  ];
}

function personsSpan(annotation: SpanAnnotation, { colors }: Layers): OverlaySpan {
  const { id, label, start_time, end_time, source, annotator, notes, model_prediction } = annotation;
  const judged = model_prediction === null ? null : `The model said: ${saidWords(model_prediction)}`;
  const by = annotator ? `By ${annotator}` : "By a person";
  return {
    key: annotationKey(id),
    tag: tagWords(label) + (source === "model_confirmed" ? " ✓" : ""),
    hover: [by, rangeWords(annotation), judged, notes].filter((line) => line !== null),
    start_time,
    end_time,
    color: colorOf(label, colors),
    stroke: "solid",
    outline: null,
    provisional_from: null,
    movable: true,
  };
}

function saidWords({ label, confidence }: { label: string; confidence?: number | null }): string {
  return typeof confidence === "number"
    ? `${labelWords(label)} ${confidenceWords(confidence)}`
    : labelWords(label);
}

function predictedSpan({ prediction, annotation, standing, judged }: Row, layers: Layers): OverlaySpan[] {
  if (prediction === null || judged) return [];
  const { key, label, start_time, end_time, avg_confidence, model_version, provisional_from } = prediction;
  const yours =
    annotation !== null && standing === "label_mismatch" ? `: ${labelWords(annotation.label)}` : "";
  return [
    {
      key,
      tag: `${tagWords(label)} ${confidenceWords(avg_confidence)}`,
      hover: [
        `${STANDING_WORDS[standing]}${yours}`,
        `By model version ${model_version}`,
        rangeWords(prediction),
        ...(provisional_from !== null ? ["Its newest candles may still change it"] : []),
      ],
      start_time,
      end_time,
      color: colorOf(label, layers.colors),
      stroke: "dashed",
      outline: OUTLINES[standing] ?? null,
      provisional_from,
      movable: true,
    },
  ];
}

function detectedSpan(span: DetectedSpan | SpanAnnotation, { colors }: Layers): OverlaySpan {
  const { label, start_time, end_time } = span;
  return {
    key: `talib:${label}|${start_time}|${end_time}`,
    tag: tagWords(label),
    hover: ["By TA-Lib", rangeWords(span)],
    start_time,
    end_time,
    color: colorOf(label, colors),
    stroke: "dotted",
    outline: null,
    provisional_from: null,
    movable: false,
  };
}
