"use client";
/** What a person says of predictions: shown at once, sent when the service is there. */

import { useEffect, useMemo, useState } from "react";
import type { Outcome } from "../client/outbox";
import { warningOf } from "../client/outbox";
import { type Book, bookOf, receivedAmong, withVerdicts } from "../client/verdict-book";
import type { Candle, SpanAnnotation } from "../types";
import type { Verdicts } from "./predictions";
import { useOutbox } from "./use-outbox";
import {
  confirm,
  correct,
  dismiss,
  isGiven,
  type Judgeable,
  ownVerdicts,
  type Speaker,
  takeBack,
} from "./verdict-deeds";

export interface VerdictsInput {
  base: string;
  pair: string;
  timeframe: string;
  annotator: string | null;
  candles: readonly Candle[];
  annotations: readonly SpanAnnotation[];
  onAnnotation?: ((annotation: SpanAnnotation, clientId: string) => void) | undefined;
  onRetraction?: ((annotationId: string) => void) | undefined;
}

export interface VerdictLine {
  /** The host's annotations with what was just said of predictions. */
  annotations: readonly SpanAnnotation[];
  /** How much the service has taken on this page. */
  sent: number;
  /** Whether anything waits because the service was not reached. */
  problem: string | null;
  /** Returns the verdicts on rows that `find` finds by their keys. */
  on: (find: (key: string) => Judgeable | null) => Verdicts;
  /** What a verdict's annotation is called once it is stored, by its `client_id`. */
  stored_ids: ReadonlyMap<string, string>;
}

/** Returns the annotations with the verdicts that stand, and the way to give more. */
export function useVerdicts(input: VerdictsInput): VerdictLine {
  const { base, pair, timeframe, annotator, annotations: own } = input;
  const { outbox, state } = useOutbox(base, pair, timeframe, (outcome) => tellHost(outcome, input));
  const [received, setReceived] = useState<ReadonlySet<string>>(new Set());
  const { settled, operations } = state;
  const book = useMemo(() => bookOf({ settled, operations }), [settled, operations]);
  useEffect(() => {
    const now = receivedAmong(own, book);
    setReceived((before) => (now.every((id) => before.has(id)) ? before : new Set([...before, ...now])));
  }, [own, book]);
  const annotations = useMemo(() => withVerdicts(own, book, received), [own, book, received]);
  const as_of = input.candles.at(-1)?.time ?? null;
  const speaker = { outbox, annotator, as_of };
  const canUndo = book.standing.some(({ feedback }) => (feedback.annotator ?? null) === annotator);

  const on = (find: (key: string) => Judgeable | null): Verdicts => {
    const of = (key: string, say: (row: Judgeable) => void) => {
      const row = find(key);
      if (row !== null) say(row);
    };
    return {
      confirm: (key) => of(key, (row) => confirm(speaker, row)),
      correct: (key, change) => of(key, (row) => correct(speaker, row, change)),
      dismiss: (key) => of(key, (row) => dismiss(speaker, row)),
      is_given: (key) => {
        const row = find(key);
        return row !== null && isGiven(speaker, row);
      },
      // Looked up anew when it is called: two quick calls never take the same verdict back twice.
      undo: canUndo ? () => undoLast(speaker) : null,
      waiting: operations.length,
      refused: state.refused,
      warning: warningOf(state),
    };
  };
  const stored_ids = useMemo(() => storedIds(book), [book]);
  return { annotations, stored_ids, sent: settled.length, problem: state.problem, on };
}

function storedIds({ standing }: Book): ReadonlyMap<string, string> {
  return new Map(
    standing.flatMap(({ annotation, feedback }) =>
      annotation === null ? [] : [[feedback.client_id, annotation.id]],
    ),
  );
}

function undoLast(speaker: Speaker): void {
  const last = ownVerdicts(speaker).at(-1);
  if (last !== undefined) takeBack(speaker.outbox, last);
}

function tellHost(outcome: Outcome, { onAnnotation, onRetraction }: VerdictsInput): void {
  if (outcome.state !== "stored") return;
  const { operation, stored } = outcome;
  if (operation.kind === "feedback" && stored.annotation !== null) {
    onAnnotation?.(stored.annotation, operation.feedback.client_id);
  }
  if (operation.kind !== "retract_feedback") return;
  const id = operation.annotation_id ?? stored.annotation?.id;
  if (id !== undefined) onRetraction?.(id);
}
