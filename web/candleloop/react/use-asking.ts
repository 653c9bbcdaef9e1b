"use client";
/** Questions to the model about a chart, and what is known from them. */

import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useSyncExternalStore } from "react";
import type { KnownPredictions } from "../client/known-predictions";
import { Predictor } from "../client/predictor";
import type { Candle, TimeRange } from "../types";
import type { Asking } from "./predictions";
import type { Line } from "./use-service";

export interface AskingInput {
  pair: string;
  timeframe: string;
  candles: readonly Candle[];
  visible: () => TimeRange | null;
  /** The visible range once it has come to rest. */
  rested_range: TimeRange | null;
  is_auto: boolean;
  /** Of the model that serves. */
  version: string | null;
  /** When that was last read: Unix ms. */
  model_at: number;
  isUp: boolean;
  heard: (version: string) => void;
}

export interface AskingLine {
  known: KnownPredictions;
  asking: Asking;
  predict_visible: () => void;
  predict_all: () => void;
}

/** Returns what the model said of the chart, and the ways to ask it. */
export function useAsking({ endpoints }: Line, input: AskingInput): AskingLine {
  const { pair, timeframe, heard } = input;
  const predictor = useMemo(
    () => new Predictor({ series: { pair, timeframe }, endpoints, onVersion: heard }),
    [pair, timeframe, endpoints, heard],
  );
  const state = useSyncExternalStore(predictor.subscribe, predictor.snapshot, predictor.snapshot);
  useEffect(() => () => predictor.cancel(), [predictor]);

  const last = useRef<Question | null>(null);
  const ask = useEffectEvent((range: TimeRange | null) => {
    last.current = { predictor, range };
    void (range === null ? predictor.askAll() : predictor.askRange(input.candles, range));
  });
  const ask_again = useEffectEvent(() => {
    if (last.current?.predictor === predictor) ask(last.current.range);
  });
  useFollowing(predictor, input, () => ask_again());
  useAuto(predictor, input, (range) => ask(range));

  const { candles, visible } = input;
  const predict_visible = useCallback(() => {
    const range = visible() ?? NOTHING_VISIBLE;
    last.current = { predictor, range };
    void predictor.askRange(candles, range);
  }, [predictor, candles, visible]);
  const predict_all = useCallback(() => {
    last.current = { predictor, range: null };
    void predictor.askAll();
  }, [predictor]);
  const { known, ...question } = state;
  return { known, asking: { ...question, cancel: predictor.cancel }, predict_visible, predict_all };
}

/** What was asked last; without a range, about all. */
interface Question {
  predictor: Predictor;
  range: TimeRange | null;
}

const NOTHING_VISIBLE: TimeRange = { start_time: 0, end_time: -1 };

/** The service's processes take up another model within 5 s; until then some answer with the one before. */
const MOST_TRIES = 6;
const TRIED_AFTER_MS = 1000;

/**
 * Another model's word is dropped, and the one that serves now is asked the last question again, whenever the model was
 * read anew and is another one than what is shown is from.
 */
function useFollowing(predictor: Predictor, { version, model_at }: AskingInput, ask: () => void): void {
  const tried = useRef({ version: "", times: 0 });
  const askAgain = useEffectEvent(ask);
  useEffect(() => {
    const shown = predictor.snapshot().known.version;
    if (model_at === 0 || version === null || shown === null || shown === version) return;
    const times = tried.current.version === version ? tried.current.times : 0;
    if (times >= MOST_TRIES) return;
    const follow = () => {
      tried.current = { version, times: times + 1 };
      if (predictor.follow(version)) askAgain();
    };
    const timer = setTimeout(follow, times === 0 ? 0 : TRIED_AFTER_MS);
    return () => clearTimeout(timer);
  }, [predictor, version, model_at]);
}

/** Asks about what the chart shows whenever it has come to rest on what was not asked about yet. */
function useAuto(predictor: Predictor, input: AskingInput, ask: (range: TimeRange) => void): void {
  const { is_auto, isUp, rested_range } = input;
  const newest = input.candles.at(-1)?.time;
  const consider = useEffectEvent((asked: Predictor, range: TimeRange) => {
    const loaded = loadedPart(range, input.candles);
    const { state, of } = asked.snapshot();
    const isSweeping = state === "running" && of === "all";
    if (loaded !== null && !isSweeping && !asked.isCovered(loaded)) ask(loaded);
  });
  useEffect(() => {
    const isReady = is_auto && isUp && newest !== undefined;
    if (isReady && rested_range !== null) consider(predictor, rested_range);
  }, [predictor, is_auto, isUp, rested_range, newest]);
}

/** The candles of a range that are there: the chart may show empty room beside them. */
function loadedPart(range: TimeRange, candles: readonly Candle[]): TimeRange | null {
  const first = candles.find(({ time }) => time >= range.start_time)?.time;
  const last = candles.findLast(({ time }) => time <= range.end_time)?.time;
  if (first === undefined || last === undefined || first > last) return null;
  return { start_time: first, end_time: last };
}
