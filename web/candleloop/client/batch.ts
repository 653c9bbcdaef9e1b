/** The stream of `/predict/batch`: one JSON object a line, `start`, then `part`s, then `end` or `error`. */

import type { BatchEnd, BatchError, BatchPart, BatchStart, ModelInfo } from "../candleloop-api";
import type { Series, Span, TimeRange } from "../types";
import { isAbort, ServiceError, unreached } from "./call";
import type { Endpoints } from "./endpoints";

export interface BatchAnswer {
  spans: Span[];
  model_info: ModelInfo;
  /** From the first candle to the last; null where there is none. */
  range: TimeRange | null;
}

type BatchLine = BatchStart | BatchPart | BatchEnd | BatchError;

/** Returns all spans of the stored candles, of `range` where it is given; `onProgress` gets 0 to 1. */
export async function predictBatch(
  endpoints: Endpoints,
  { series, range, onProgress, signal }: BatchOptions,
): Promise<BatchAnswer> {
  const dates = range === null ? {} : { start_date: range.start_time, end_date: range.end_time };
  const response = await endpoints.batch({ ...series, ...dates }, signal);
  const answer = new Gathering(onProgress);
  for await (const line of linesOf(response)) answer.take(readLine(line));
  return answer.whole();
}

export interface BatchOptions {
  series: Series;
  range: TimeRange | null;
  onProgress: (progress: number) => void;
  signal: AbortSignal;
}

class Gathering {
  private start: BatchStart | null = null;
  private readonly spans: Span[] = [];
  private range: TimeRange | null = null;
  private ended = false;

  constructor(private readonly onProgress: (progress: number) => void) {}

  take(line: BatchLine): void {
    if (line.type === "start") this.start = line;
    else if (line.type === "end") this.ended = true;
    else if (line.type === "error") throw new ServiceError(line.problem.error, "later", line.problem.status);
    else {
      for (const span of line.spans) this.spans.push(span);
      this.reach(line.per_candle[0]?.time, line.per_candle.at(-1)?.time);
      this.onProgress(line.progress);
    }
  }

  whole(): BatchAnswer {
    if (this.start === null || !this.ended) throw cut();
    return { spans: this.spans, model_info: this.start.model_info, range: this.range };
  }

  private reach(first: number | undefined, last: number | undefined): void {
    if (first === undefined || last === undefined) return;
    this.range = { start_time: this.range?.start_time ?? first, end_time: last };
  }
}

/** Yields the lines of a body, however it is cut into chunks; an empty line is none. */
export async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = "";
  for await (const text of textOf(response)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}

async function* textOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } catch (error) {
    throw isAbort(error) ? error : cut();
  } finally {
    // Whoever stops reading early does not want the rest; a stream that has ended does not mind.
    await reader.cancel().catch(() => {});
  }
}

function readLine(line: string): BatchLine {
  try {
    // The generated types describe each line; its `type` tells which.
    return JSON.parse(line) as BatchLine;
  } catch {
    throw cut();
  }
}

function cut(): ServiceError {
  return unreached("The batch prediction broke off on its way. Ask for it again.");
}
