"use client";
/** Composes what `usePredictions` gives: the service, its model, what it said, what people say of it. */

import { useEffect, useEffectEvent, useMemo } from "react";
import { AWAY } from "../client/call";
import { wakeOutboxes } from "../client/outboxes";
import type { TimeRange } from "../types";
import type { Predictions } from "./predictions";
import type { ChartInput } from "./provider";
import { useAsking } from "./use-asking";
import { useDebounced } from "./use-debounced";
import { useModel } from "./use-model";
import { usePatterns } from "./use-patterns";
import { useSelection } from "./use-selection";
import { type ServiceLine, useLine, useService } from "./use-service";
import { useSettings } from "./use-settings";
import { lessonFor, useTraining } from "./use-training";
import { useVerdicts } from "./use-verdicts";
import { viewFor } from "./view";

const RESTED_AFTER_MS = 300;
const NO_COLORS: ReadonlyMap<string, string> = new Map();

/** Returns the predictions of a chart. */
export function useChartPredictions(input: ChartInput): Predictions {
  const { pair, timeframe, candles, base = "/api", sought = null, visible, colors = NO_COLORS } = input;
  const enabled = input.enabled ?? isOn(process.env.NEXT_PUBLIC_PREDICTIONS_ENABLED);
  const [settings, change] = useSettings();
  const line = useLine(base);
  const serviceLine = useService(line, enabled);
  const { service } = serviceLine;
  const isUp = enabled && service.state === "up";
  const { heard, ask_again, model_at, ...models } = useModel(line, serviceLine);
  const rested_range = useRestedRange(input.visible_range);
  const version = models.model?.model_info.model_version ?? null;
  const is_auto = settings.auto_predict && settings.shown;
  const { known, ...asking } = useAsking(line, {
    ...input,
    rested_range,
    is_auto,
    version,
    model_at,
    isUp,
    heard,
  });
  const { detected, ...patterns } = usePatterns(line, {
    isUp,
    chosen: settings.shown ? settings.patterns : [],
    candles,
    range: rested_range,
  });
  const lesson = lessonFor(models.models, { pair, timeframe });
  const training = useTraining(line, lesson, isUp, ask_again);
  const { annotations, stored_ids, sent, problem, on } = useVerdicts({
    ...input,
    base,
    annotator: input.annotator ?? null,
  });
  useDelivery(base, serviceLine, { problem, sent }, enabled);

  const { model } = models;
  const is_shown = enabled && settings.shown;
  const view = useMemo(
    () => viewFor({ candles, annotations, known, sought, detected, colors, settings, model, is_shown }),
    [candles, annotations, known, sought, detected, colors, settings, model, is_shown],
  );
  const { find, ...selection } = useSelection({ rows: view.rows, annotations, stored_ids, visible });
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

/** As the server reads its switch. */
function isOn(value: string | undefined): boolean {
  return !["false", "0"].includes((value ?? "").trim().toLowerCase());
}

/** Sends what waits once the service is back, and asks for its health once sending was in vain. */
function useDelivery(
  base: string,
  { service, health_at }: ServiceLine,
  { problem, sent }: { problem: string | null; sent: number },
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
  const askWhereDown = useEffectEvent(() => {
    if (state === "down" && enabled) ask_now();
  });
  useEffect(() => {
    // What it took says that it is back.
    if (sent > 0) askWhereDown();
  }, [sent]);
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
