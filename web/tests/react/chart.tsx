/** A chart with predictions, as a host has it, without anything to see. */

import { act, render } from "@testing-library/react";
import { useState } from "react";
import type { Predictions } from "@/candleloop/react/predictions";
import { PredictionsProvider, usePredictions } from "@/candleloop/react/provider";
import { usePredictionKeys } from "@/candleloop/react/use-prediction-keys";
import type { SpanAnnotation, TimeRange } from "@/candleloop/types";
import { pause, until } from "../client/http";
import { CANDLES, type FakeApi, HOUR } from "./fake-api";

export interface Chart {
  now: () => Predictions;
  /** Does something as a person does, and lets the page take it in. */
  does: (deed: (predictions: Predictions) => void) => Promise<void>;
  press: (key: string) => Promise<void>;
  until: (condition: (predictions: Predictions) => boolean) => Promise<void>;
  scrollTo: (range: TimeRange) => Promise<void>;
  /** What the host was told to keep. */
  kept: () => readonly SpanAnnotation[];
  /** The keys for which a correction was to be opened. */
  corrected: readonly string[];
  end: () => void;
}

export interface ChartOptions {
  annotations?: readonly SpanAnnotation[];
  /** Whether the host keeps what verdicts make. */
  keeps?: boolean;
  range?: TimeRange;
  enabled?: boolean;
  annotator?: string;
  /** Another spelling of the same address is another page to the parts. */
  base?: string;
}

/** What the host and the probe below tell the test. */
interface Told {
  current: Predictions | null;
  kept: readonly SpanAnnotation[];
  scroll: (range: TimeRange) => void;
  corrected: string[];
}

function Probe({ told }: { told: Told }) {
  told.current = usePredictions();
  usePredictionKeys({ onCorrect: (key) => told.corrected.push(key) });
  return null;
}

function Host({ api, options, told }: { api: FakeApi; options: ChartOptions; told: Told }) {
  const [own, setOwn] = useState<readonly SpanAnnotation[]>(options.annotations ?? []);
  const [range, setRange] = useState<TimeRange>(options.range ?? { start_time: 0, end_time: 50 * HOUR });
  told.kept = own;
  told.scroll = setRange;
  return (
    <PredictionsProvider
      pair="EURUSD"
      timeframe="1h"
      base={options.base ?? api.base}
      candles={CANDLES}
      visible={() => range}
      visible_range={{ ...range }}
      annotations={own}
      annotator={options.annotator}
      enabled={options.enabled}
      onAnnotation={(annotation) => options.keeps !== false && setOwn((before) => [...before, annotation])}
      onRetraction={(id) => setOwn((before) => before.filter((one) => one.id !== id))}
    >
      <Probe told={told} />
    </PredictionsProvider>
  );
}

/** Returns a chart that is open. */
export function openChart(api: FakeApi, options: ChartOptions = {}): Chart {
  const told: Told = { current: null, kept: [], scroll: () => {}, corrected: [] };
  const view = render(<Host api={api} options={options} told={told} />);
  const now = () => {
    if (told.current === null) throw new Error("The chart was not drawn.");
    return told.current;
  };
  return {
    now,
    does: async (deed) => act(async () => deed(now())),
    press: async (key) => act(async () => void window.dispatchEvent(new KeyboardEvent("keydown", { key }))),
    until: (condition) => until(() => condition(now())),
    scrollTo: async (range) => act(async () => told.scroll(range)),
    kept: () => told.kept,
    corrected: told.corrected,
    end: view.unmount,
  };
}

/** Returns once the page has had that long to go on. */
export async function passes(ms: number): Promise<void> {
  await act(() => pause(ms));
}
