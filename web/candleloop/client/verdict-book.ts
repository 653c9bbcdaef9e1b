/** Which verdicts stand, told from what waits in the outbox and what the service acknowledged. */

import type { Feedback } from "../candleloop-api";
import { NOTHING, type SpanAnnotation, type TimeRange } from "../types";
import type { Operation } from "./operations";
import type { OutboxState } from "./outbox";

type Judged = NonNullable<Feedback["prediction"]>;

export interface Verdict {
  /** Of the operation: sorts by when it was given. */
  id: string;
  feedback: Feedback & { prediction: Judged };
  feedback_id: string | null;
  /** What the service made of it; null while it waits. */
  annotation: SpanAnnotation | null;
}

export interface Book {
  standing: readonly Verdict[];
  /** Ids of annotations that were taken back. */
  gone: ReadonlySet<string>;
  /** What was taken back before anybody here knew its annotation's id. */
  unnamed: readonly SpanAnnotation[];
}

/** Returns the verdicts that stand and what was taken back. */
export function bookOf({ settled, operations }: Pick<OutboxState, "settled" | "operations">): Book {
  const standing = new Map<string, Verdict>();
  const gone = new Set<string>();
  const unnamed: SpanAnnotation[] = [];
  for (const { operation, stored } of settled) {
    if (operation.kind === "feedback") enter(standing, operation, stored.feedback_id, stored.annotation);
    if (operation.kind !== "retract_feedback") continue;
    standing.delete(operation.feedback.client_id);
    gone.add(operation.annotation_id ?? stored.annotation?.id ?? operation.feedback.client_id);
  }
  for (const operation of operations) {
    if (operation.kind === "feedback") enter(standing, operation, null, null);
    if (operation.kind !== "retract_feedback") continue;
    standing.delete(operation.feedback.client_id);
    if (operation.annotation_id !== null) gone.add(operation.annotation_id);
    else unnamed.push(provisionalOf(operation.feedback));
  }
  const inOrder = [...standing.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { standing: inOrder, gone, unnamed };
}

/** Returns the host's annotations with what the verdicts that stand will make of them. */
export function withVerdicts(
  own: readonly SpanAnnotation[],
  { standing, gone, unnamed }: Book,
  /** Verdicts whose annotation the host has had: what becomes of it is the host's to say. */
  received: ReadonlySet<string>,
): SpanAnnotation[] {
  const left = own.filter((one) => !gone.has(one.id) && !unnamed.some((other) => isSame(one, other)));
  const added = standing
    .filter((verdict) => !received.has(verdict.feedback.client_id) && !isAmong(left, verdict))
    .map((verdict) => verdict.annotation ?? provisionalOf(verdict.feedback));
  return [...left, ...added];
}

/** Returns the `client_id`s of the verdicts whose annotation is among the host's own. */
export function receivedAmong(own: readonly SpanAnnotation[], { standing }: Book): string[] {
  return standing
    .filter((verdict) => verdict.annotation !== null && isAmong(own, verdict))
    .map((verdict) => verdict.feedback.client_id);
}

/** Returns the annotation that a verdict will make; its id is the verdict's `client_id`. */
export function provisionalOf(feedback: Feedback): SpanAnnotation {
  const said = saidBy(feedback);
  const sources = { confirm: "model_confirmed", dismiss: "human" } as const;
  const { action } = feedback;
  return {
    ...said,
    id: feedback.client_id,
    source: action === "confirm" || action === "dismiss" ? sources[action] : "model_corrected",
    confidence: null,
    outcome: null,
    notes: feedback.note ?? null,
    sub_spans: null,
    model_prediction: feedback.prediction ?? null,
    annotator: feedback.annotator ?? null,
  };
}

/** Returns the label and bounds that a verdict leaves; of a dismissed prediction the label is `O`. */
export function saidBy(feedback: Feedback): { label: string } & TimeRange {
  const { prediction, action } = feedback;
  return {
    label: action === "dismiss" ? NOTHING : (feedback.label ?? prediction?.label ?? NOTHING),
    start_time: feedback.start_time ?? prediction?.start_time ?? 0,
    end_time: feedback.end_time ?? prediction?.end_time ?? 0,
  };
}

/** Returns whether two verdicts judge the same prediction. */
export function isOfSame(a: Judged, b: Judged): boolean {
  return a.label === b.label && a.start_time === b.start_time && a.end_time === b.end_time;
}

function enter(
  standing: Map<string, Verdict>,
  operation: Extract<Operation, { kind: "feedback" }>,
  feedback_id: string | null,
  annotation: SpanAnnotation | null,
): void {
  const { feedback, id } = operation;
  const { prediction } = feedback;
  if (!prediction) return;
  standing.set(feedback.client_id, { id, feedback: { ...feedback, prediction }, feedback_id, annotation });
}

function isAmong(own: readonly SpanAnnotation[], { feedback, annotation }: Verdict): boolean {
  const said = provisionalOf(feedback);
  return own.some((one) => one.id === said.id || one.id === annotation?.id || isSame(one, said));
}

function isSame(a: SpanAnnotation, b: SpanAnnotation): boolean {
  const isJudged = a.model_prediction !== null && b.model_prediction !== null;
  return isJudged && a.label === b.label && a.start_time === b.start_time && a.end_time === b.end_time;
}
