"use client";
/** TA-Lib's functions, and what the chosen ones find on the visible candles. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { wordsUnlessAway } from "../client/call";
import { candlesWithin, overlap } from "../client/known-predictions";
import { MOST_CANDLES } from "../client/predictor";
import type { Candle, DetectedSpan, Pattern, TimeRange } from "../types";
import type { Line } from "./use-service";

/** What the functions look back before they can say anything. */
const LOOK_BACK = 30;
const NO_PATTERNS: readonly Pattern[] = [];
const NO_SPANS: readonly DetectedSpan[] = [];

export interface PatternsInput {
  isUp: boolean;
  chosen: readonly string[];
  candles: readonly Candle[];
  /** Already settled: every change of it is asked about. */
  range: TimeRange | null;
}

export interface PatternLayer {
  patterns: readonly Pattern[];
  detected: readonly DetectedSpan[];
  pattern_error: string | null;
}

/** Returns the functions there are and the spans of the chosen ones. */
export function usePatterns({ client, endpoints }: Line, input: PatternsInput): PatternLayer {
  const { isUp, chosen, candles, range } = input;
  const available = useQuery(
    {
      queryKey: ["patterns", endpoints.base],
      queryFn: ({ signal }) => endpoints.patterns(signal),
      enabled: isUp,
    },
    client,
  );
  const shown = useMemo(() => withLookBack(candles, range), [candles, range]);
  const names = [...chosen].sort();
  const isAsked = names.length > 0 && shown.length > 0;
  const detection = useQuery(
    {
      queryKey: ["detected", names, shown.at(0)?.time, shown.at(-1)],
      queryFn: ({ signal }) => endpoints.detect({ candles: shown, patterns: names }, signal),
      placeholderData: keepPreviousData,
      enabled: isUp && isAsked,
    },
    client,
  );
  const found = isAsked ? (detection.data?.annotations ?? NO_SPANS) : NO_SPANS;
  const detected = useMemo(
    () => (range === null ? NO_SPANS : found.filter((span) => overlap(span, range))),
    [found, range],
  );
  return {
    patterns: available.data ?? NO_PATTERNS,
    detected,
    pattern_error: wordsUnlessAway(available.error ?? (isAsked ? detection.error : null)),
  };
}

function withLookBack(candles: readonly Candle[], range: TimeRange | null): Candle[] {
  if (range === null) return [];
  const before = candles.findIndex(({ time }) => time >= range.start_time);
  const from = candles[Math.max(0, before - LOOK_BACK)]?.time ?? range.start_time;
  return candlesWithin(candles, { ...range, start_time: from }).slice(-MOST_CANDLES);
}
