/** The annotations of a series as a person sees them: what was read, what was stored since, and what waits. */

import type { AnnotationChange, AnnotationRequest } from "../candleloop-api";
import type { SpanAnnotation } from "../types";
import type { Deed } from "./operations";
import type { OutboxState } from "./outbox";

type Annotations = Map<string, SpanAnnotation>;

/** Returns what was read at `asked_at` (Unix ms) with every later deed done to it, by start. */
export function withDeeds(
  read: readonly SpanAnnotation[],
  asked_at: number,
  { settled, operations }: Pick<OutboxState, "settled" | "operations">,
): SpanAnnotation[] {
  const annotations: Annotations = new Map(read.map((one) => [one.id, one]));
  for (const { operation, stored, at } of settled) {
    if (at < asked_at) continue;
    if (stored.annotation !== null && operation.kind !== "retract_feedback") {
      annotations.set(stored.annotation.id, stored.annotation);
    } else apply(annotations, operation);
  }
  for (const operation of operations) apply(annotations, operation);
  return [...annotations.values()].sort((a, b) => a.start_time - b.start_time || a.end_time - b.end_time);
}

/** Returns an annotation with a change made to it, as the service makes it. */
export function altered(annotation: SpanAnnotation, change: AnnotationChange): SpanAnnotation {
  const next = { ...annotation, ...change };
  const [start_time, end_time] = [next.start_time, next.end_time].sort((a, b) => a - b);
  const isMoved =
    annotation.label !== next.label ||
    annotation.start_time !== start_time ||
    annotation.end_time !== end_time;
  const isCorrected = isMoved && annotation.source === "model_confirmed";
  return {
    ...next,
    start_time: start_time ?? next.start_time,
    end_time: end_time ?? next.end_time,
    source: isCorrected ? "model_corrected" : annotation.source,
  };
}

/** Returns the annotation that a request will make. */
export function drawn(request: AnnotationRequest & { id: string }): SpanAnnotation {
  return {
    id: request.id,
    label: request.label,
    start_time: Math.min(request.start_time, request.end_time),
    end_time: Math.max(request.start_time, request.end_time),
    source: request.source ?? "human",
    confidence: request.confidence ?? null,
    outcome: request.outcome ?? null,
    notes: request.notes ?? null,
    sub_spans: request.sub_spans ?? null,
    model_prediction: request.model_prediction ?? null,
    annotator: request.annotator ?? null,
  };
}

function apply(annotations: Annotations, deed: Deed): void {
  if (deed.kind === "annotate") annotations.set(deed.annotation.id, drawn(deed.annotation));
  if (deed.kind === "remove") annotations.delete(deed.annotation_id);
  if (deed.kind === "retract_feedback" && deed.annotation_id !== null) annotations.delete(deed.annotation_id);
  if (deed.kind !== "alter") return;
  const before = annotations.get(deed.annotation_id);
  if (before !== undefined) annotations.set(before.id, altered(before, deed.change));
}
