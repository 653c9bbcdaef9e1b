/** Asks the model about a series, one question at a time: the newest cancels the one before. */

import type { Candle, Series, TimeRange } from "../types";
import { predictBatch } from "./batch";
import { isAbort, wordsOf } from "./call";
import type { Endpoints } from "./endpoints";
import {
  candlesWithin,
  isCovered,
  type KnownPredictions,
  NOTHING_KNOWN,
  widened,
  withAnswer,
} from "./known-predictions";
import { type CacheKey, PredictionCache } from "./prediction-cache";

/** What one `/predict` takes; more is asked for as a batch of stored candles. */
export const MOST_CANDLES = 50_000;

export interface PredictorState {
  known: KnownPredictions;
  state: "idle" | "running" | "failed";
  of: "visible" | "all";
  progress: number | null;
  error: string | null;
}

export interface PredictorOptions {
  series: Series;
  endpoints: Endpoints;
  /** Told which version answered. */
  onVersion: (version: string) => void;
  most_candles?: number;
}

type Answer = Parameters<typeof withAnswer>[1];

/** The questions about one series, and what the model said. */
export class Predictor {
  private readonly cache = new PredictionCache();
  private readonly listeners = new Set<() => void>();
  private running: AbortController | null = null;
  private state: PredictorState = {
    known: NOTHING_KNOWN,
    state: "idle",
    of: "visible",
    progress: null,
    error: null,
  };

  constructor(private readonly options: PredictorOptions) {}

  readonly snapshot = (): PredictorState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Asks about the loaded candles of a range. */
  async askRange(candles: readonly Candle[], range: TimeRange): Promise<void> {
    const asked = candlesWithin(candles, widened(this.state.known, range));
    const [first] = asked;
    const last = asked.at(-1);
    if (first === undefined || last === undefined) {
      this.publish({
        state: "failed",
        of: "visible",
        error: "No candle is visible. Scroll back to the candles.",
      });
      return;
    }
    const exact = { start_time: first.time, end_time: last.time };
    if (this.answerFromCache({ ...this.options.series, ...exact, last_close: last.close })) return;
    const most = this.options.most_candles ?? MOST_CANDLES;
    await this.run("visible", (signal) =>
      asked.length > most ? this.stream(exact, signal) : this.predict(asked, exact, signal),
    );
  }

  /** Asks about all stored candles. */
  async askAll(): Promise<void> {
    await this.run("all", (signal) => this.stream(null, signal));
  }

  /** Ends the question under way; what is known stays. */
  readonly cancel = (): void => {
    this.running?.abort();
    this.running = null;
    if (this.state.state === "running") this.publish({ state: "idle", progress: null });
  };

  isCovered(range: TimeRange): boolean {
    return isCovered(this.state.known, range);
  }

  /** Drops what another version said; returns whether anything was. */
  follow(version: string): boolean {
    this.cache.follow(version);
    const { known } = this.state;
    if (known.version === null || known.version === version) return false;
    this.publish({ known: NOTHING_KNOWN });
    return true;
  }

  private answerFromCache(key: CacheKey): boolean {
    const { version } = this.state.known;
    const spans = version === null ? null : this.cache.find(version, key);
    if (version === null || spans === null) return false;
    this.cancel();
    const known = withAnswer(this.state.known, { version, range: key, spans });
    this.publish({ known, state: "idle", of: "visible", progress: null, error: null });
    return true;
  }

  private async run(
    of: "visible" | "all",
    ask: (signal: AbortSignal) => Promise<Answer | null>,
  ): Promise<void> {
    this.running?.abort();
    const asking = new AbortController();
    this.running = asking;
    this.publish({ state: "running", of, progress: of === "all" ? 0 : null, error: null });
    try {
      const answer = await ask(asking.signal);
      if (this.running === asking) this.take(answer);
    } catch (error) {
      if (this.running !== asking || isAbort(error)) return;
      this.running = null;
      this.publish({ state: "failed", progress: null, error: wordsOf(error) });
    }
  }

  private take(answer: Answer | null): void {
    this.running = null;
    const known = answer === null ? this.state.known : withAnswer(this.state.known, answer);
    this.publish({ known, state: "idle", progress: null });
    if (answer !== null) this.options.onVersion(answer.version);
  }

  private async predict(candles: Candle[], range: TimeRange, signal: AbortSignal): Promise<Answer> {
    const { series, endpoints } = this.options;
    const { spans, model_info } = await endpoints.predict({ ...series, candles }, signal);
    const version = model_info.model_version;
    this.cache.keep(version, { ...series, ...range, last_close: candles.at(-1)?.close ?? null }, spans);
    return { version, range, spans };
  }

  private async stream(range: TimeRange | null, signal: AbortSignal): Promise<Answer | null> {
    const { series, endpoints } = this.options;
    const onProgress = (progress: number) => {
      if (!signal.aborted) this.publish({ progress });
    };
    const answer = await predictBatch(endpoints, { series, range, onProgress, signal });
    const said = range ?? answer.range;
    return said === null
      ? null
      : { version: answer.model_info.model_version, range: said, spans: answer.spans };
  }

  private publish(change: Partial<PredictorState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
