"use client";
/** The annotations of a series where they live in the API: what is stored, and what waits to be. */

import type { AnnotationChange } from "../candleloop-api";
import type { Series, SpanAnnotation, TimeRange } from "../types";

export interface AnnotationsInput extends Series {
  annotator?: string | undefined;
  base?: string | undefined;
}

export interface Annotations {
  state: "loading" | "ready" | "failed";
  annotations: readonly SpanAnnotation[];
  /** Why they could not be read, in words; what was drawn here is shown all the same. */
  error: string | null;
  /** Draws a span; returns its id. */
  annotate: (drawn: { label: string } & TimeRange) => string;
  alter: (id: string, change: AnnotationChange) => void;
  remove: (id: string) => void;
  /** Takes the last step back; null where there is none. */
  undo: (() => void) | null;
  /** How many steps wait for the service. */
  waiting: number;
  refused: string | null;
  warning: string | null;
  /** Takes in an annotation that a verdict made (for `onAnnotation`). */
  received: (annotation: SpanAnnotation) => void;
  /** Leaves one out that was taken back elsewhere (for `onRetraction`). */
  retracted: (id: string) => void;
}

const nothing = () => {};

/** Returns the annotations of a series and the ways to change them. */
export function useAnnotations(_input: AnnotationsInput): Annotations {
  return {
    state: "loading",
    annotations: [],
    error: null,
    annotate: () => "",
    alter: nothing,
    remove: nothing,
    undo: null,
    waiting: 0,
    refused: null,
    warning: null,
    received: nothing,
    retracted: nothing,
  };
}
