/** The service's calls by name, in its own types. */

import type {
  AnnotationChange,
  AnnotationPage,
  AnnotationRequest,
  Detected,
  DetectRequest,
  Feedback,
  FeedbackRecorded,
  Health,
  Loaded,
  ModelDescription,
  Pattern,
  PredictRequest,
  PredictResponse,
  Started,
  StoredAnnotation,
  StoredModel,
  TrainingRequest,
  TrainingRun,
} from "../candleloop-api";
import type { Series } from "../types";
import { type CallOptions, call, ServiceError, send } from "./call";

type Signal = AbortSignal | undefined;

/** Returns the calls of the service behind `base`; `onAway` is told of each that did not reach it. */
export function endpointsOf(base: string, onAway: () => void = () => {}) {
  const told = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof ServiceError && error.failure === "away") onAway();
      throw error;
    }
  };
  const ask = <T>(path: string, options: CallOptions = {}) => told(call<T>(base, path, options));
  const get = <T>(path: string, signal: Signal) => ask<T>(path, { signal });
  const post = <T>(path: string, body: unknown, signal?: Signal) =>
    ask<T>(path, { method: "POST", body, signal });
  const remove = async (path: string, query: CallOptions["query"], signal?: Signal): Promise<void> => {
    await told(send(base, path, { method: "DELETE", query, signal }));
  };

  return {
    base,
    /** Asked without telling `onAway`, which asks for it. */
    health: (signal?: Signal) => call<Health>(base, "/health", { signal }),
    model: (signal?: Signal) => get<ModelDescription>("/model/info", signal),
    models: (signal?: Signal) => get<StoredModel[]>("/models", signal),
    load: (runId: string) => post<Loaded>("/model/load", { run_id: runId }),
    predict: (request: PredictRequest, signal?: Signal) => post<PredictResponse>("/predict", request, signal),
    /** The stream of `batch.ts`. */
    batch: (body: unknown, signal?: Signal) =>
      told(send(base, "/predict/batch", { method: "POST", body, accept: "application/x-ndjson", signal })),
    patterns: (signal?: Signal) => get<Pattern[]>("/patterns/available", signal),
    detect: (request: DetectRequest, signal?: Signal) => post<Detected>("/patterns/detect", request, signal),
    startTraining: (request: TrainingRequest) => post<Started>("/training/start", request),
    trainingRuns: (signal?: Signal) => get<TrainingRun[]>("/training/runs", signal),
    trainingRun: (runId: string, signal?: Signal) =>
      get<TrainingRun>(`/training/runs/${encodeURIComponent(runId)}`, signal),
    cancelTraining: (runId: string) =>
      post<TrainingRun>(`/training/runs/${encodeURIComponent(runId)}/cancel`, undefined),
    giveFeedback: (feedback: Feedback, signal?: Signal) =>
      post<FeedbackRecorded>("/feedback", feedback, signal),
    retractFeedback: (id: string, annotator: string | null, signal?: Signal) =>
      remove(`/feedback/${encodeURIComponent(id)}`, { annotator }, signal),
    annotations: (series: Series, after: string | null, signal?: Signal) =>
      ask<AnnotationPage>("/annotations", { query: { ...queryOf(series), after }, signal }),
    annotate: (annotation: AnnotationRequest, signal?: Signal) =>
      post<StoredAnnotation>("/annotations", annotation, signal),
    alter: (id: string, series: Series, change: AnnotationChange, signal?: Signal) =>
      ask<StoredAnnotation>(`/annotations/${encodeURIComponent(id)}`, {
        method: "PATCH",
        query: queryOf(series),
        body: change,
        signal,
      }),
    removeAnnotation: (id: string, series: Series, annotator: string | null, signal?: Signal) =>
      remove(`/annotations/${encodeURIComponent(id)}`, { ...queryOf(series), annotator }, signal),
  };
}

export type Endpoints = ReturnType<typeof endpointsOf>;

function queryOf({ pair, timeframe }: Series) {
  return { pair, timeframe };
}
