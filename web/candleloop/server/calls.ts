/** The calls that are forwarded, and every name that each may carry, held to the API's types by the compiler. */

import type { paths } from "../candleloop-api";

type Operation<Name> = Name extends `${infer Method} ${infer Path}`
  ? Path extends keyof paths
    ? Lowercase<Method> extends keyof paths[Path]
      ? paths[Path][Lowercase<Method>]
      : never
    : never
  : never;

type QueryOf<Op> = Op extends { parameters: { query?: infer Query } } ? NonNullable<Query> : never;
type ContentOf<Op> = Op extends { requestBody?: infer Content } ? NonNullable<Content> : never;
type BodyOf<Op> = [ContentOf<Op>] extends [never]
  ? never
  : ContentOf<Op> extends { content: { "application/json": infer Body } }
    ? NonNullable<Body>
    : never;

/** Each name once: one that is missing here, and one that the API does not have, are errors of type. */
type Names<Of> = [Of] extends [never]
  ? null
  : string extends keyof Of
    ? "any"
    : { [Name in keyof Of & string]-?: true };

/** What the compiler holds a call to. */
export interface Rules<Name> {
  query: Names<QueryOf<Operation<Name>>>;
  body: Names<BodyOf<Operation<Name>>>;
  /** It changes nothing, so that it may be sent once more. */
  pure?: true;
  /** It has the batch's time limit. */
  batch?: true;
  /** It has nothing to do with predictions, and works where those are switched off. */
  apart?: true;
}

export interface CallRules {
  query: Readonly<Record<string, true>> | "any" | null;
  body: Readonly<Record<string, true>> | "any" | null;
  pure?: true;
  batch?: true;
  apart?: true;
}

const NOTHING = { query: null, body: null } as const;

export type CallName =
  | "GET /health"
  | "POST /predict"
  | "POST /predict/batch"
  | "GET /model/info"
  | "POST /model/load"
  | "POST /model/rollback"
  | "GET /models"
  | "GET /patterns/available"
  | "POST /patterns/detect"
  | "POST /training/start"
  | "GET /training/runs"
  | "GET /training/runs/{run_id}"
  | "POST /training/runs/{run_id}/cancel"
  | "GET /training/dataset-info"
  | "POST /training/build-dataset"
  | "POST /feedback"
  | "DELETE /feedback/{feedback_id}"
  | "GET /annotations"
  | "POST /annotations"
  | "PATCH /annotations/{annotation_id}"
  | "DELETE /annotations/{annotation_id}"
  | "GET /annotations/export"
  | "GET /candles"
  | "GET /candles/series"
  | "GET /labels"
  | "GET /disagreements"
  | "GET /queue";

// Written out, without spreads: only so are names that the API does not have told.
const CALLS: { [Name in CallName]: Rules<Name> } = {
  "GET /health": NOTHING,
  "POST /predict": {
    query: null,
    body: { pair: true, timeframe: true, candles: true, since: true },
    pure: true,
  },
  "POST /predict/batch": {
    query: null,
    body: { pair: true, timeframe: true, start_date: true, end_date: true },
    pure: true,
    batch: true,
  },
  "GET /model/info": NOTHING,
  "POST /model/load": { query: null, body: { run_id: true, over: true } },
  "POST /model/rollback": { query: null, body: { reason: true } },
  "GET /models": NOTHING,
  "GET /patterns/available": NOTHING,
  "POST /patterns/detect": { query: null, body: { candles: true, patterns: true }, pure: true },
  // Open by the contract: dotted keys of the configuration.
  "POST /training/start": { query: null, body: "any" },
  "GET /training/runs": NOTHING,
  "GET /training/runs/{run_id}": NOTHING,
  "POST /training/runs/{run_id}/cancel": NOTHING,
  "GET /training/dataset-info": NOTHING,
  "POST /training/build-dataset": {
    query: null,
    body: { pair: true, timeframe: true, pairs: true, labels: true },
  },
  "POST /feedback": {
    query: null,
    body: {
      pair: true,
      timeframe: true,
      start_time: true,
      end_time: true,
      client_id: true,
      action: true,
      prediction: true,
      label: true,
      annotator: true,
      note: true,
      as_of: true,
      origin: true,
      model_version: true,
      settles: true,
      labels: true,
    },
  },
  "DELETE /feedback/{feedback_id}": { query: { annotator: true }, body: null },
  "GET /annotations": {
    query: {
      pair: true,
      timeframe: true,
      start_time: true,
      end_time: true,
      label: true,
      source: true,
      annotator: true,
      limit: true,
      after: true,
    },
    body: null,
    apart: true,
  },
  "POST /annotations": {
    query: null,
    body: {
      pair: true,
      timeframe: true,
      label: true,
      start_time: true,
      end_time: true,
      confidence: true,
      outcome: true,
      sub_spans: true,
      notes: true,
      annotator: true,
      id: true,
      source: true,
      model_prediction: true,
    },
    apart: true,
  },
  "PATCH /annotations/{annotation_id}": {
    query: { pair: true, timeframe: true },
    body: {
      label: true,
      start_time: true,
      end_time: true,
      confidence: true,
      outcome: true,
      sub_spans: true,
      notes: true,
      annotator: true,
    },
    apart: true,
  },
  "DELETE /annotations/{annotation_id}": {
    query: { pair: true, timeframe: true, annotator: true },
    body: null,
    apart: true,
  },
  "GET /annotations/export": {
    query: { pair: true, timeframe: true, format: true },
    body: null,
    apart: true,
  },
  "GET /candles": {
    query: { pair: true, timeframe: true, start_time: true, end_time: true, limit: true },
    body: null,
    apart: true,
  },
  "GET /candles/series": { query: null, body: null, apart: true },
  "GET /labels": { query: null, body: null, apart: true },
  "GET /disagreements": {
    query: {
      pair: true,
      timeframe: true,
      start_time: true,
      end_time: true,
      between: true,
      kinds: true,
      limit: true,
      labels: true,
      least_bars: true,
      least_confidence: true,
      judged: true,
    },
    body: null,
  },
  "GET /queue": {
    query: { pair: true, timeframe: true, start_time: true, end_time: true, labels: true, limit: true },
    body: null,
  },
};

/** What a call may carry. */
export function rulesOf(name: CallName): CallRules {
  return CALLS[name];
}
