"use client";
/** The annotations of a series where they live in the API: what is stored, and what waits to be. */

import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import type { AnnotationChange } from "../candleloop-api";
import { withDeeds } from "../client/annotation-book";
import { ServiceError, wordsOf } from "../client/call";
import type { Endpoints } from "../client/endpoints";
import { annotationOf } from "../client/operations";
import { type Outcome, warningOf } from "../client/outbox";
import type { Series, SpanAnnotation, TimeRange } from "../types";
import { alter, alterVerdict, annotate, remove, type Step, undo, withdrawVerdict } from "./annotation-steps";
import { useOutbox } from "./use-outbox";
import { type Line, useLine } from "./use-service";

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

interface Read {
  annotations: readonly SpanAnnotation[];
  /** Unix ms. */
  asked_at: number;
}

const NOTHING_READ: Read = { annotations: [], asked_at: 0 };

/** Returns the annotations of a series and the ways to change them. */
export function useAnnotations(input: AnnotationsInput): Annotations {
  const { pair, timeframe, annotator = null, base = "/api" } = input;
  const line = useLine(base);
  const read = useStored(line, { pair, timeframe });
  const steps = useSteps(JSON.stringify([base, pair, timeframe]));
  const { outbox, state } = useOutbox(base, pair, timeframe, steps.hear);
  const { settled, operations } = state;
  const { annotations: stored, asked_at } = read.data;
  const annotations = useMemo(
    () => withDeeds(stored, asked_at, { settled, operations }),
    [stored, asked_at, settled, operations],
  );
  // From what is there now and not from the last render: two changes in one breath are two steps.
  const find = (id: string) =>
    withDeeds(stored, asked_at, outbox.snapshot()).find((annotation) => annotation.id === id);
  const drawer = { outbox, annotator };
  return {
    state: read.state,
    annotations,
    error: read.error,
    annotate: (drawn) => {
      const step = annotate(drawer, drawn);
      steps.push(step);
      return step.id;
    },
    alter: (id, change) => {
      const now = find(id);
      if (now !== undefined) steps.push(alter(drawer, now, change));
      else alterVerdict(drawer, id, change);
    },
    remove: (id) => {
      const now = find(id);
      if (now !== undefined) steps.push(remove(drawer, now));
      else withdrawVerdict(drawer, id);
    },
    undo: steps.isEmpty ? null : () => steps.pop((step) => undo(drawer, step)),
    waiting: operations.length,
    refused: state.refused,
    warning: warningOf(state),
    received: read.received,
    retracted: read.retracted,
  };
}

function useStored({ client, endpoints }: Line, { pair, timeframe }: Series) {
  const queryKey = useMemo(
    () => ["annotations", endpoints.base, pair, timeframe],
    [endpoints.base, pair, timeframe],
  );
  const query = useQuery(
    {
      queryKey,
      queryFn: ({ signal }) => readAll(endpoints, { pair, timeframe }, signal),
    },
    client,
  );
  const edit = useCallback(
    (change: (annotations: readonly SpanAnnotation[]) => readonly SpanAnnotation[]) => {
      client.setQueryData<Read>(queryKey, (before) =>
        before === undefined ? before : { ...before, annotations: change(before.annotations) },
      );
    },
    [client, queryKey],
  );
  const retracted = useCallback(
    (id: string) => edit((annotations) => annotations.filter((one) => one.id !== id)),
    [edit],
  );
  const received = useCallback(
    (annotation: SpanAnnotation) =>
      edit((annotations) => [...annotations.filter((one) => one.id !== annotation.id), annotation]),
    [edit],
  );
  const state = query.isPending ? "loading" : query.isError ? "failed" : "ready";
  const error = query.error === null ? null : wordsOf(query.error);
  return { state, error, data: query.data ?? NOTHING_READ, received, retracted } as const;
}

interface Steps {
  series: string;
  steps: readonly Step[];
}

/** The steps of one series, as a stack; those that the service refused are taken out. */
function useSteps(series: string) {
  const [all, setAll] = useState<Steps>({ series, steps: [] });
  // Two calls in one breath find what the first one left, before anything is drawn anew.
  const live = useRef(all);
  const stepsOf = (those: Steps) => (those.series === series ? those.steps : []);
  const change = (next: (steps: readonly Step[]) => readonly Step[]) => {
    live.current = { series, steps: next(stepsOf(live.current)) };
    setAll(live.current);
  };
  const hear = (outcome: Outcome) => {
    if (outcome.state !== "refused") return;
    const { operation } = outcome;
    const lost = operation.kind === "annotate" ? operation.annotation.id : null;
    change((before) => before.filter((step) => step.operation !== operation.id && step.id !== lost));
  };
  const push = (step: Step) => change((before) => [...before, step]);
  const pop = (take: (step: Step) => string | null) => {
    const last = stepsOf(live.current).at(-1);
    if (last === undefined) return;
    const anew = take(last);
    change((before) =>
      renamed(
        before.filter((step) => step !== last),
        last.id,
        anew,
      ),
    );
  };
  return { isEmpty: stepsOf(all).length === 0, hear, push, pop };
}

function renamed(steps: readonly Step[], id: string, anew: string | null): readonly Step[] {
  if (anew === null) return steps;
  return steps.map((step) => (step.id === id ? { ...step, id: anew } : step));
}

async function readAll(endpoints: Endpoints, series: Series, signal: AbortSignal): Promise<Read> {
  const asked_at = Date.now();
  const annotations: SpanAnnotation[] = [];
  let after: string | null = null;
  do {
    const page = await pageOf(endpoints, series, after, signal);
    annotations.push(...page.annotations.map(annotationOf));
    after = page.next;
  } while (after !== null);
  return { annotations, asked_at };
}

async function pageOf(endpoints: Endpoints, series: Series, after: string | null, signal: AbortSignal) {
  try {
    return await endpoints.annotations(series, after, signal);
  } catch (error) {
    // A series of which nothing is stored has no annotations yet.
    if (error instanceof ServiceError && error.status === 404) return { annotations: [], next: null };
    throw error;
  }
}
