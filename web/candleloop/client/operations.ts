/** What a person did, as calls that the service has not yet acknowledged; each may be sent again without harm. */

import type {
  Annotation,
  AnnotationChange,
  AnnotationRequest,
  Feedback,
  StoredAnnotation,
} from "../candleloop-api";
import type { JudgedPrediction, Series, SpanAnnotation } from "../types";
import { ServiceError } from "./call";
import type { Endpoints } from "./endpoints";

/** `client_id` and the annotation's own id make a repeat harmless. */
export type Deed =
  | { kind: "feedback"; feedback: Feedback }
  | {
      kind: "retract_feedback";
      feedback: Feedback;
      /** Null until the service has said it. */
      feedback_id: string | null;
      annotation_id: string | null;
    }
  | { kind: "annotate"; annotation: AnnotationRequest & { id: string } }
  | { kind: "alter"; annotation_id: string; change: AnnotationChange }
  | { kind: "remove"; annotation_id: string; annotator: string | null };

export type Operation = Deed & {
  /** Sorts by when it was done. */
  id: string;
  /** Whether the service may have it: it was sent at least once. */
  attempted: boolean;
};

/** What the service answered. */
export interface Stored {
  feedback_id: string | null;
  annotation: SpanAnnotation | null;
}

const NOTHING_TOLD: Stored = { feedback_id: null, annotation: null };

/** Returns what the service says of an operation, sent now. */
export async function perform(
  deed: Deed,
  endpoints: Endpoints,
  series: Series,
  signal?: AbortSignal,
): Promise<Stored> {
  switch (deed.kind) {
    case "feedback":
      return recorded(await endpoints.giveFeedback(deed.feedback, signal));
    case "retract_feedback":
      return await retract(deed, endpoints, signal);
    case "annotate":
      return kept(await endpoints.annotate(deed.annotation, signal));
    case "alter":
      return kept(await endpoints.alter(deed.annotation_id, series, deed.change, signal));
    case "remove":
      await unlessMissing(endpoints.removeAnnotation(deed.annotation_id, series, deed.annotator, signal));
      return NOTHING_TOLD;
  }
}

/** Returns an annotation of the API in the parts' own shape. */
export function annotationOf(stored: Annotation | StoredAnnotation): SpanAnnotation {
  const annotator = stored.annotator;
  return {
    id: stored.id,
    label: stored.label,
    start_time: stored.start_time,
    end_time: stored.end_time,
    source: stored.source,
    confidence: stored.confidence,
    outcome: stored.outcome,
    notes: stored.notes,
    sub_spans: stored.sub_spans,
    // The API's schema leaves this open for foreign files; what it stores itself has this shape.
    model_prediction: stored.model_prediction as JudgedPrediction | null,
    annotator: typeof annotator === "string" ? annotator : null,
  };
}

/** Returns whether one operation means nothing once the other was refused. */
export function dependsOn(operation: Operation, refused: Operation): boolean {
  if (refused.kind === "feedback") {
    return (
      operation.kind === "retract_feedback" && operation.feedback.client_id === refused.feedback.client_id
    );
  }
  if (refused.kind !== "annotate") return false;
  const isOfAnnotation = operation.kind === "alter" || operation.kind === "remove";
  return isOfAnnotation && operation.annotation_id === refused.annotation.id;
}

async function retract(
  deed: Extract<Deed, { kind: "retract_feedback" }>,
  endpoints: Endpoints,
  signal?: AbortSignal,
): Promise<Stored> {
  const { feedback, feedback_id, annotation_id } = deed;
  if (feedback_id !== null) {
    await unlessMissing(endpoints.retractFeedback(feedback_id, feedback.annotator ?? null, signal));
    return { ...NOTHING_TOLD, feedback_id };
  }
  // Nobody here knows its id: said again with the same client_id it is stored once, and the answer tells.
  const told = recorded(await endpoints.giveFeedback(feedback, signal));
  const known = { ...deed, feedback_id: told.feedback_id ?? "", annotation_id };
  return { ...(await retract(known, endpoints, signal)), annotation: told.annotation };
}

async function unlessMissing(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    // What is not there needs no removal.
    if (!(error instanceof ServiceError && error.status === 404)) throw error;
  }
}

function recorded({ id, annotation }: { id: string; annotation?: Annotation }): Stored {
  return { feedback_id: id, annotation: annotation === undefined ? null : annotationOf(annotation) };
}

function kept(stored: StoredAnnotation): Stored {
  return { feedback_id: null, annotation: annotationOf(stored) };
}
