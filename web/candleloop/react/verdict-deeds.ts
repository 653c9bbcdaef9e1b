/** What a confirmation, a correction or a dismissal puts into the outbox. */

import { randomId } from "../client/operation-store";
import type { Outbox } from "../client/outbox";
import { bookOf, isOfSame, saidBy, type Verdict } from "../client/verdict-book";
import type { Row } from "../spans/view";
import type { Feedback, SpanAnnotation, TimeRange } from "../types";

type Judged = NonNullable<Feedback["prediction"]>;
export type Correction = { label?: string } & Partial<TimeRange>;

/** A prediction, or the annotation that a verdict made. */
export type Judgeable = Pick<Row, "prediction"> & { annotation: SpanAnnotation | null };

export interface Speaker {
  outbox: Outbox;
  annotator: string | null;
  /** The open of the last candle that is loaded. */
  as_of: number | null;
}

/** Says that a row's prediction is right; where that was just said, nothing. */
export function confirm(speaker: Speaker, row: Judgeable): void {
  const place = placeOf(speaker, row);
  if (place !== null) give(speaker, place, feedbackOf(speaker, place.judged, "confirm", {}));
}

/** Says that nothing of the predicted label is there. */
export function dismiss(speaker: Speaker, row: Judgeable): void {
  const place = placeOf(speaker, row);
  if (place !== null) give(speaker, place, feedbackOf(speaker, place.judged, "dismiss", {}));
}

/** Says what is there instead; what is left out stays as it was said last. */
export function correct(speaker: Speaker, row: Judgeable, change: Correction): void {
  const place = placeOf(speaker, row);
  if (place === null) return;
  const { judged, before } = place;
  const isDismissed = before?.feedback.action === "dismiss";
  const said = { ...(before === null || isDismissed ? judged : saidBy(before.feedback)), ...change };
  const [start_time = said.start_time, end_time = said.end_time] = [said.start_time, said.end_time].sort(
    (a, b) => a - b,
  );
  const changes = {
    ...(said.label === judged.label ? {} : { label: said.label }),
    ...(start_time === judged.start_time ? {} : { start_time }),
    ...(end_time === judged.end_time ? {} : { end_time }),
  };
  // The service refuses a correction that corrects nothing: it confirms.
  const action = Object.keys(changes).length === 0 ? "confirm" : "correct";
  give(speaker, place, feedbackOf(speaker, judged, action, changes));
}

/** Returns whether a verdict on this was given here and stands: a correction then takes its place. */
export function isGiven(speaker: Speaker, row: Judgeable): boolean {
  const place = placeOf(speaker, row);
  return place !== null && place.before !== null;
}

/** Returns what this annotator has said in this browser and stands, oldest first: nobody takes back what another said. */
export function ownVerdicts({ outbox, annotator }: Speaker): readonly Verdict[] {
  return bookOf(outbox.snapshot()).standing.filter(
    ({ feedback }) => (feedback.annotator ?? null) === annotator,
  );
}

/** Takes a verdict back, before it is sent where that is still possible. */
export function takeBack(outbox: Outbox, { id, feedback, feedback_id, annotation }: Verdict): void {
  if (outbox.drop(id)) return;
  outbox.add({ kind: "retract_feedback", feedback, feedback_id, annotation_id: annotation?.id ?? null });
}

interface Place {
  judged: Judged;
  before: Verdict | null;
  row: Judgeable;
}

/** The prediction that a row is about, and what was said of it here; read from the outbox, which is never behind. */
function placeOf(speaker: Speaker, row: Judgeable): Place | null {
  const standing = ownVerdicts(speaker);
  const { prediction, annotation } = row;
  if (prediction !== null) {
    const judged = judgedOf(prediction);
    const before = standing.find(({ feedback }) => isOfSame(feedback.prediction, judged)) ?? null;
    return { judged, before, row };
  }
  const before = standing.find(
    (verdict) => verdict.annotation?.id === annotation?.id || verdict.feedback.client_id === annotation?.id,
  );
  return before === undefined ? null : { judged: before.feedback.prediction, before, row };
}

function give({ outbox, annotator }: Speaker, { before, row }: Place, feedback: Feedback): void {
  if (before === null) {
    if (feedback.action === "confirm" && isConfirmedBy(annotator, row)) return;
  } else {
    if (isSaidAlready(before.feedback, feedback)) return;
    takeBack(outbox, before);
  }
  outbox.add({ kind: "feedback", feedback });
}

function isSaidAlready(before: Feedback, now: Feedback): boolean {
  const [a, b] = [saidBy(before), saidBy(now)];
  const isSamePlace = a.start_time === b.start_time && a.end_time === b.end_time;
  return before.action === now.action && a.label === b.label && isSamePlace;
}

/** Whether the row's annotation is this annotator's earlier confirmation of just this prediction. */
function isConfirmedBy(annotator: string | null, { prediction, annotation }: Judgeable): boolean {
  if (prediction === null || annotation?.source !== "model_confirmed") return false;
  return (annotation.annotator ?? null) === annotator && isOfSame(annotation, prediction);
}

function judgedOf(prediction: NonNullable<Row["prediction"]>): Judged {
  const { label, start_time, end_time, avg_confidence, model_version } = prediction;
  return { label, start_time, end_time, confidence: avg_confidence, model_version };
}

function feedbackOf(
  { outbox, annotator, as_of }: Speaker,
  judged: Judged,
  action: "confirm" | "correct" | "dismiss",
  changes: Correction,
): Feedback {
  return {
    client_id: randomId(),
    ...outbox.series,
    action,
    prediction: judged,
    ...changes,
    ...(annotator === null ? {} : { annotator }),
    ...(as_of === null ? {} : { as_of }),
  };
}
