"use client";
/** Composes what `usePredictions` gives: the service, its model, what it said, what people say of it. */

import { useCallback, useEffect, useMemo, useState } from "react";
import { AWAY } from "../client/call";
import type { KnownPredictions } from "../client/known-predictions";
import { wakeOutboxes } from "../client/outboxes";
import { isProvisional, provisionalFrom } from "../spans/provisional";
import type { Row, View } from "../spans/view";
import type { Prediction, SpanAnnotation, TimeRange } from "../types";
import type { Predictions } from "./predictions";
import type { ChartInput } from "./provider";
import { useAsking } from "./use-asking";
import { useDebounced } from "./use-debounced";
import { useModel } from "./use-model";
import { usePatterns } from "./use-patterns";
import { type ServiceLine, useLine, useService } from "./use-service";
import { useSettings } from "./use-settings";
import { useTraining } from "./use-training";
import { useVerdicts } from "./use-verdicts";
import { selectionOf, viewFor } from "./view";

const RESTED_AFTER_MS = 300;
const NO_PREDICTIONS: readonly Prediction[] = [];
const NOWHERE: readonly TimeRange[] = [];

/** Returns the predictions of a chart. */
export function useChartPredictions(input: ChartInput): Predictions {
  const { pair, timeframe, candles, base = "/api", sought = null } = input;
  const enabled = input.enabled ?? process.env.NEXT_PUBLIC_PREDICTIONS_ENABLED !== "false";
  const [settings, change] = useSettings();
  const line = useLine(base);
  const serviceLine = useService(line, enabled);
  const { service } = serviceLine;
  const isUp = enabled && service.state === "up";
  const { heard, ask_again, ...models } = useModel(line, serviceLine);
  const rested_range = useRestedRange(input.visible_range);
  const version = models.model?.model_info.model_version ?? null;
  const is_auto = settings.auto_predict && settings.shown;
  const { known, ...asking } = useAsking(line, { ...input, rested_range, is_auto, version, isUp, heard });
  const { detected, ...patterns } = usePatterns(line, {
    isUp,
    chosen: settings.shown ? settings.patterns : [],
    candles,
    range: rested_range,
  });
  const training = useTraining(line, { pair, timeframe }, isUp, ask_again);
  const { annotations, problem, on } = useVerdicts({ ...input, base, annotator: input.annotator ?? null });
  useDelivery(base, serviceLine, problem, enabled);

  const provisional_from = provisionalFrom(candles, models.model?.model_info.provisional_bars ?? 0);
  const isShown = enabled && settings.shown;
  const predictions = useMemo(
    () => (isShown ? predictionsOf(known, provisional_from) : NO_PREDICTIONS),
    [isShown, known, provisional_from],
  );
  const { model } = models;
  const asked = isShown ? known.covered : NOWHERE;
  const view = useMemo(
    () =>
      viewFor({
        candles,
        annotations,
        predictions,
        sought,
        asked,
        detected,
        settings,
        model,
        provisional_from,
      }),
    [candles, annotations, predictions, sought, asked, detected, settings, model, provisional_from],
  );
  const selection = useSelection(view, annotations, input.visible);
  const find = (key: string) => view.rows.find((row) => row.key === key) ?? null;
  return {
    enabled,
    settings,
    change,
    service,
    sought,
    ...models,
    ...view,
    ...selection,
    ...asking,
    ...patterns,
    training,
    verdicts: on(find),
  };
}

/** Sends what waits once the service is back, and asks for its health once sending was in vain. */
function useDelivery(
  base: string,
  { service, health_at }: ServiceLine,
  problem: string | null,
  enabled: boolean,
) {
  const { state, ask_now } = service;
  useEffect(() => {
    if (state === "up" && health_at > 0) wakeOutboxes(base);
  }, [base, state, health_at]);
  const isAway = problem?.startsWith(AWAY) ?? false;
  useEffect(() => {
    if (isAway && enabled) ask_now();
  }, [isAway, enabled, ask_now]);
}

function useSelection(
  view: View,
  annotations: readonly SpanAnnotation[],
  visible: ChartInput["visible"],
): Pick<Predictions, "selected_key" | "selected" | "select" | "step"> {
  const [key, select] = useState<string | null>(null);
  const selected = useMemo(() => selectionOf(key, view, annotations), [key, view, annotations]);
  const { rows } = view;
  const step = useCallback(
    (by: 1 | -1) => {
      const at = selected === null ? -1 : rows.findIndex((row) => row.key === selected.key);
      const next = at === -1 ? firstOf(rows, visible()) : rows[at + by];
      if (next !== undefined) select(next.key);
    },
    [rows, selected, visible],
  );
  return { selected_key: selected === null ? null : key, selected, select, step };
}

/** Where stepping begins: with what is visible. */
function firstOf(rows: readonly Row[], range: TimeRange | null): Row | undefined {
  if (range === null) return rows[0];
  return (
    rows.find((row) => ((row.prediction ?? row.annotation)?.start_time ?? 0) >= range.start_time) ?? rows[0]
  );
}

/** The same range is the same object, however often the host makes it anew. */
function useRestedRange(range: TimeRange | null): TimeRange | null {
  const [start_time, end_time] = [range?.start_time, range?.end_time];
  const same = useMemo(
    () => (start_time === undefined || end_time === undefined ? null : { start_time, end_time }),
    [start_time, end_time],
  );
  return useDebounced(same, RESTED_AFTER_MS);
}

function predictionsOf({ version, spans }: KnownPredictions, provisional_from: number | null): Prediction[] {
  if (version === null) return [];
  return spans.map((span) => ({
    ...span,
    key: `p ${span.start_time} ${span.end_time} ${span.label}`,
    model_version: version,
    provisional: isProvisional(span, provisional_from),
  }));
}
