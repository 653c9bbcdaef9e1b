"use client";
/** Gives the parts below it the predictions of one chart; `usePredictions` reads them. */

import { createContext, type ReactNode, useContext } from "react";
import type { Candle, SpanAnnotation, TimeRange } from "../types";
import type { Predictions } from "./predictions";
import { useChartPredictions } from "./use-chart-predictions";

export interface ChartInput {
  pair: string;
  timeframe: string;
  /** All that are loaded, by time. */
  candles: readonly Candle[];
  /** What the chart shows now. */
  visible: () => TimeRange | null;
  /** The same as state, so that a scroll is noticed. */
  visible_range: TimeRange | null;
  /** The host's own. */
  annotations: readonly SpanAnnotation[];
  /** The labels that people look for: a prediction of another one is nobody's miss. Unless given, all are. */
  sought?: readonly string[] | undefined;
  /** The colour of each label as `#rrggbb`, where the host has its own; else the model's. */
  colors?: ReadonlyMap<string, string> | undefined;
  annotator?: string | undefined;
  /** Where the proxy routes are; "/api" unless given. */
  base?: string | undefined;
  /** Unless given, on where NEXT_PUBLIC_PREDICTIONS_ENABLED is neither "false" nor "0". */
  enabled?: boolean | undefined;
  /** Called once the service has stored what a verdict made; in every tab that has the series open. */
  onAnnotation?: ((annotation: SpanAnnotation, clientId: string) => void) | undefined;
  /** Called once the service has taken a verdict's annotation back. */
  onRetraction?: ((annotationId: string) => void) | undefined;
}

export interface PredictionsProviderProps extends ChartInput {
  children: ReactNode;
}

const PredictionsContext = createContext<Predictions | null>(null);

/** Returns its children, which may call `usePredictions`. */
export function PredictionsProvider({ children, ...input }: PredictionsProviderProps) {
  return <PredictionsContext value={useChartPredictions(input)}>{children}</PredictionsContext>;
}

/** Returns the predictions of the chart around the component. */
export function usePredictions(): Predictions {
  const predictions = useContext(PredictionsContext);
  if (predictions === null) {
    throw new Error("usePredictions failed: found no provider above. Put PredictionsProvider around it.");
  }
  return predictions;
}
