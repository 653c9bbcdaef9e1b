/** What a chart shows of people's spans beside predictions: which agree, which differ, and how many. */

import { type Candle, NOTHING, type Prediction, type SpanAnnotation, type TimeRange } from "../types";
import { areAboutTheSame, compare, type Labelled, type Pair } from "./matching";

export type Standing =
  | "agreement"
  | "boundary_mismatch"
  | "label_mismatch"
  | "missed_by_human"
  | "missed_by_model"
  /** Predicted, of a label that people do not look for: nobody can have missed it. */
  | "not_sought";

/** A prediction and the person's span about the same candles; one of the two may be missing. */
export interface Row {
  key: string;
  standing: Standing;
  /** A person has confirmed or corrected it. */
  judged: boolean;
  prediction: Prediction | null;
  annotation: SpanAnnotation | null;
}

export interface Summary {
  counts: Record<Standing, number>;
  /** Share that has one label on about the same candles, of all rows of labels that people look for; null without. */
  agreement_rate: number | null;
  /** How many predictions of labels that are shown are less sure than the threshold. */
  below_threshold: number;
}

export interface View {
  /** By start, the filters applied. */
  rows: readonly Row[];
  summary: Summary;
}

export interface Shown {
  candles: readonly Candle[];
  annotations: readonly SpanAnnotation[];
  predictions: readonly Prediction[];
  /** What the model was asked about: only there can it have missed something. */
  asked: readonly TimeRange[];
  /** The labels that people look for; null where that is not known, so that all count. */
  sought: readonly string[] | null;
  /** The labels that the model knows. */
  known: readonly string[];
  threshold: number;
  hidden_labels: readonly string[];
  only_disagreements: boolean;
}

const ANNOTATION = "annotation:";

/** The key of a person's span among all that is drawn. */
export function annotationKey(id: string): string {
  return ANNOTATION + id;
}

/** The id in the key of a person's span; null for the keys of others. */
export function annotationIdOf(key: string): string | null {
  return key.startsWith(ANNOTATION) ? key.slice(ANNOTATION.length) : null;
}

/** Whether a span is a person's own: neither TA-Lib's nor a dismissal. */
export function isPeoples({ label, source }: SpanAnnotation): boolean {
  return label !== NOTHING && source !== "talib";
}

/** The rows of a chart and what they add up to, before the filter of disagreements. */
export function viewOf(shown: Shown): View {
  const hidden = new Set(shown.hidden_labels);
  const isOpen = undismissed(shown);
  const open = shown.predictions.filter((one) => !hidden.has(one.label) && isOpen(one));
  const predictions = open.filter((one) => one.avg_confidence >= shown.threshold);
  const people = shown.annotations.filter(isPeoples);
  const judged = judgedRows(people, predictions, shown.candles);
  const settled = new Set(judged.flatMap(({ annotation, prediction }) => [annotation, prediction]));
  const compared = comparedRows(
    people.filter((one) => !settled.has(one)),
    predictions.filter((one) => !settled.has(one)),
    shown,
  );
  const rows = [...judged, ...compared].filter(
    (row) => row.prediction !== null || couldBeMissed(row.annotation, shown, hidden),
  );
  rows.sort((one, other) => startOf(one) - startOf(other));
  const kept = shown.only_disagreements
    ? rows.filter(({ standing, judged }) => standing !== "agreement" && standing !== "not_sought" && !judged)
    : rows;
  return { rows: kept, summary: { ...summaryOf(rows), below_threshold: open.length - predictions.length } };
}

function startOf({ prediction, annotation }: Row): number {
  return (prediction ?? annotation)?.start_time ?? 0;
}

/** A dismissal takes its label away there, also from a later version's prediction of about the same candles. */
function undismissed({ annotations, candles }: Shown): (prediction: Prediction) => boolean {
  const dismissed = annotations.filter(
    ({ label, model_prediction }) => label === NOTHING && model_prediction !== null,
  );
  return (prediction) =>
    !dismissed.some(
      (one) => one.model_prediction?.label === prediction.label && areAboutTheSame(one, prediction, candles),
    );
}

function isJudgement({ source, model_prediction }: SpanAnnotation): boolean {
  return model_prediction !== null && source.startsWith("model_");
}

/** Whether an annotation judges just this prediction, or that of another version on about the same candles. */
function judges(annotation: SpanAnnotation, prediction: Prediction, candles: readonly Candle[]): boolean {
  const said = annotation.model_prediction;
  if (said === null || !isJudgement(annotation) || said.label !== prediction.label) return false;
  const start_time = said.start_time ?? annotation.start_time;
  const end_time = said.end_time ?? annotation.end_time;
  return areAboutTheSame({ start_time, end_time }, prediction, candles);
}

/** What people have confirmed or corrected and the model still says; one verdict each. */
function judgedRows(
  people: readonly SpanAnnotation[],
  predictions: readonly Prediction[],
  candles: readonly Candle[],
): Row[] {
  const taken = new Set<Prediction>();
  return people.filter(isJudgement).flatMap((annotation) => {
    const prediction = predictions.find((one) => !taken.has(one) && judges(annotation, one, candles));
    if (prediction === undefined) return [];
    taken.add(prediction);
    const standing = annotation.source === "model_confirmed" ? "agreement" : correctedStanding(annotation);
    return [{ key: prediction.key, standing, judged: true, prediction, annotation }];
  });
}

function correctedStanding({ label, model_prediction }: SpanAnnotation): Standing {
  return label === model_prediction?.label ? "boundary_mismatch" : "label_mismatch";
}

function comparedRows(
  people: readonly SpanAnnotation[],
  predictions: readonly Prediction[],
  { candles, sought }: Shown,
): Row[] {
  const isSought = (label: string) => sought === null || sought.includes(label);
  return compare(people, predictions, candles).map((pair) => {
    const annotation = pair.a === null ? null : (people[pair.a] ?? null);
    const prediction = pair.b === null ? null : (predictions[pair.b] ?? null);
    const key = prediction?.key ?? annotationKey(annotation?.id ?? "");
    const standing = standingOf(annotation, prediction, { pair, isSought });
    return { key, standing, judged: false, prediction, annotation };
  });
}

function standingOf(
  annotation: Labelled | null,
  prediction: Labelled | null,
  { pair, isSought }: { pair: Pair; isSought: (label: string) => boolean },
): Standing {
  if (prediction === null) return "missed_by_model";
  if (annotation === null) return isSought(prediction.label) ? "missed_by_human" : "not_sought";
  if (annotation.label !== prediction.label) return "label_mismatch";
  return pair.start_bars === 0 && pair.end_bars === 0 ? "agreement" : "boundary_mismatch";
}

/** A person's span alone is a row only where the model was asked, of a label that it knows and that is shown. */
function couldBeMissed(
  annotation: SpanAnnotation | null,
  { asked, known }: Shown,
  hidden: Set<string>,
): boolean {
  if (annotation === null) return false;
  const { label, start_time, end_time } = annotation;
  if (hidden.has(label) || !known.includes(label)) return false;
  return asked.some((range) => range.start_time <= start_time && end_time <= range.end_time);
}

function summaryOf(rows: readonly Row[]): Omit<Summary, "below_threshold"> {
  const counts: Summary["counts"] = {
    agreement: 0,
    boundary_mismatch: 0,
    label_mismatch: 0,
    missed_by_human: 0,
    missed_by_model: 0,
    not_sought: 0,
  };
  for (const { standing } of rows) counts[standing] += 1;
  const agreeing = counts.agreement + counts.boundary_mismatch;
  const compared = rows.length - counts.not_sought;
  return { counts, agreement_rate: compared === 0 ? null : agreeing / compared };
}
