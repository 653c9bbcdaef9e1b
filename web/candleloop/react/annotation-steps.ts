/** What a person did to annotations, step by step, and how each step is taken back. */

import type { AnnotationChange, AnnotationRequest } from "../candleloop-api";
import { randomId } from "../client/operation-store";
import type { Outbox } from "../client/outbox";
import { bookOf, provisionalOf, saidBy, type Verdict } from "../client/verdict-book";
import { NOTHING, type SpanAnnotation } from "../types";
import { correct, takeBack } from "./verdict-deeds";

/** `operation` is the id of what the step put into the outbox. */
export type Step =
  | { kind: "annotated"; operation: string; id: string }
  | { kind: "altered"; operation: string; id: string; before: AnnotationChange }
  | { kind: "removed"; operation: string | null; id: string; annotation: SpanAnnotation };

export interface Drawer {
  outbox: Outbox;
  annotator: string | null;
}

/** Draws a span under a new id. */
export function annotate(
  { outbox, annotator }: Drawer,
  drawn: Omit<AnnotationRequest, "pair" | "timeframe" | "id">,
): Step & { kind: "annotated" } {
  const id = randomId();
  const named = annotator === null ? {} : { annotator };
  const annotation = { ...named, ...drawn, ...outbox.series, id };
  return { kind: "annotated", operation: outbox.add({ kind: "annotate", annotation }).id, id };
}

/** Changes an annotation. */
export function alter({ outbox, annotator }: Drawer, now: SpanAnnotation, change: AnnotationChange): Step {
  const named = annotator === null ? {} : { annotator };
  const whole = { ...named, ...inOrder(now, change) };
  const { id: operation } = outbox.add({ kind: "alter", annotation_id: now.id, change: whole });
  return { kind: "altered", operation, id: now.id, before: fieldsOf(now, whole) };
}

/** Takes an annotation back; one that was never sent leaves no trace. */
export function remove(drawer: Drawer, annotation: SpanAnnotation): Step {
  const operation = withdraw(drawer, annotation.id);
  return { kind: "removed", operation, id: annotation.id, annotation };
}

/** Takes a step back; returns the new id where the annotation had to be drawn anew. */
export function undo(drawer: Drawer, step: Step): string | null {
  const { outbox } = drawer;
  if (step.kind === "annotated") {
    withdraw(drawer, step.id);
    return null;
  }
  if (step.operation !== null && outbox.drop(step.operation)) return null;
  if (step.kind === "altered") {
    outbox.add({ kind: "alter", annotation_id: step.id, change: step.before });
    return null;
  }
  // A retracted id stays retracted: the same span is another annotation.
  return annotate(drawer, requestOf(step.annotation)).id;
}

/** Changes what a verdict made that is not stored yet: another verdict takes its place. */
export function alterVerdict(drawer: Drawer, clientId: string, change: AnnotationChange): void {
  const verdict = verdictOf(drawer, clientId);
  if (verdict === undefined) return;
  const { label, start_time, end_time } = { ...saidBy(verdict.feedback), ...change };
  const row = { prediction: null, annotation: provisionalOf(verdict.feedback) };
  correct({ ...drawer, as_of: verdict.feedback.as_of ?? null }, row, { label, start_time, end_time });
}

/** Takes back what a verdict made that is not stored yet. */
export function withdrawVerdict(drawer: Drawer, clientId: string): void {
  const verdict = verdictOf(drawer, clientId);
  if (verdict !== undefined) takeBack(drawer.outbox, verdict);
}

function verdictOf({ outbox }: Drawer, clientId: string): Verdict | undefined {
  return bookOf(outbox.snapshot()).standing.find(({ feedback }) => feedback.client_id === clientId);
}

/** Returns the id of the removal; null where nothing had been sent and nothing needs to be. */
function withdraw({ outbox, annotator }: Drawer, id: string): string | null {
  const waiting = outbox.snapshot().operations;
  const own = waiting.find((one) => one.kind === "annotate" && one.annotation.id === id);
  if (own !== undefined && outbox.drop(own.id)) {
    for (const one of waiting) if (one.kind === "alter" && one.annotation_id === id) outbox.drop(one.id);
    return null;
  }
  return outbox.add({ kind: "remove", annotation_id: id, annotator }).id;
}

/** Bounds that cross are sent both, so that the service swaps them and does not refuse. */
function inOrder(now: SpanAnnotation, change: AnnotationChange): AnnotationChange {
  const start_time = change.start_time ?? now.start_time;
  const end_time = change.end_time ?? now.end_time;
  return start_time <= end_time ? change : { ...change, start_time: end_time, end_time: start_time };
}

function fieldsOf(now: SpanAnnotation, change: AnnotationChange): AnnotationChange {
  const fields = Object.keys(change).filter((name) => name in now);
  // Each is a field of both: an annotation has the values that a change may have.
  return Object.fromEntries(
    Object.entries(now).filter(([name]) => fields.includes(name)),
  ) as AnnotationChange;
}

function requestOf(annotation: SpanAnnotation): Omit<AnnotationRequest, "pair" | "timeframe" | "id"> {
  const { id: _, source, outcome, annotator, ...rest } = annotation;
  const isVerdict = annotation.model_prediction !== null || annotation.label === NOTHING;
  return {
    ...rest,
    ...(annotator === null || annotator === undefined ? {} : { annotator }),
    // The API writes these two from closed lists; here they are read as any text.
    outcome: outcome as AnnotationRequest["outcome"],
    ...(isVerdict || source !== "human" ? { source: source as AnnotationRequest["source"] } : {}),
  };
}
