"use client";
/** What is selected on a chart. */

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { annotationIdOf, annotationKey, type Row } from "../spans/view";
import type { SpanAnnotation, TimeRange } from "../types";
import type { Predictions, Selection } from "./predictions";

export interface Selectable {
  rows: readonly Row[];
  annotations: readonly SpanAnnotation[];
  /** What a verdict's annotation is called once it is stored, by its `client_id`. */
  stored_ids: ReadonlyMap<string, string>;
  /** What the chart shows, where stepping begins. */
  visible: () => TimeRange | null;
}

export type SelectionLine = Pick<Predictions, "selected" | "selected_key" | "select" | "step"> & {
  find: (key: string) => Selection | null;
};

/** Returns the selection and the ways to change it; it outlives that a verdict is given or stored. */
export function useSelection({ rows, annotations, stored_ids, visible }: Selectable): SelectionLine {
  const [key, select] = useState<string | null>(null);
  const find = useCallback(
    (wanted: string) => selectionOf(wanted, { rows, annotations, stored_ids }),
    [rows, annotations, stored_ids],
  );
  const selected = useMemo(() => (key === null ? null : find(key)), [key, find]);
  // What was dismissed is gone: stepping goes on from where it was.
  const last = useRef<number | null>(null);
  useEffect(() => {
    if (key === null) last.current = null;
    else if (selected !== null) last.current = startOf(selected);
  }, [key, selected]);
  const step = useCallback(
    (by: 1 | -1) => {
      const at = rows.findIndex((row) => row.key === selected?.key);
      const next = rows[at === -1 ? nearestIndex(rows, by, last.current ?? visible()?.start_time) : at + by];
      if (next !== undefined) select(next.key);
    },
    [rows, selected, visible],
  );
  return { selected, selected_key: selected === null ? null : drawnKeyOf(selected, key), select, step, find };
}

function selectionOf(
  key: string,
  { rows, annotations, stored_ids }: Omit<Selectable, "visible">,
): Selection | null {
  const named = annotationIdOf(key);
  if (named === null) return rows.find((row) => row.key === key) ?? null;
  const id = stored_ids.get(named) ?? named;
  const isIt = (one: SpanAnnotation | null) => one !== null && (one.id === id || one.id === named);
  const row = rows.find(({ annotation }) => isIt(annotation));
  if (row !== undefined) return row;
  const annotation = annotations.find(isIt);
  if (annotation === undefined) return null;
  return { key, prediction: null, annotation, judged: false, standing: null };
}

/** A judged prediction is drawn as the person's span that judges it. */
function drawnKeyOf({ judged, annotation, prediction, key }: Selection, picked: string | null): string {
  if (annotation !== null && (judged || prediction === null)) return annotationKey(annotation.id);
  const isPersons = picked !== null && annotationIdOf(picked) !== null;
  return isPersons && annotation !== null ? annotationKey(annotation.id) : key;
}

/** From a time on, the nearest row to step to; without one, the first. */
function nearestIndex(rows: readonly Row[], by: 1 | -1, from: number | undefined): number {
  const later = from === undefined ? 0 : rows.findIndex((row) => startOf(row) >= from);
  const after = later === -1 ? rows.length : later;
  return Math.min(Math.max(by === 1 ? after : after - 1, 0), rows.length - 1);
}

function startOf({ prediction, annotation }: Pick<Row, "prediction" | "annotation">): number {
  return (prediction ?? annotation)?.start_time ?? 0;
}
