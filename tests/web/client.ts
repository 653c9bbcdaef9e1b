// What the chart does with the API, in the contract's names. It only has to compile: see test_types.py.
import type {
  Annotation,
  BatchEnd,
  BatchError,
  BatchPart,
  BatchRequest,
  BatchResponse,
  BatchStart,
  Candle,
  DetectRequest,
  Detected,
  Feedback,
  FeedbackRecorded,
  Health,
  LabelColor,
  Loaded,
  Metrics,
  ModelDescription,
  ModelInfo,
  PerCandle,
  PredictRequest,
  PredictResponse,
  Problem,
  Span,
  Started,
  TrainingRequest,
  TrainingRun,
  paths,
} from "./candleloop-api";

const candle: Candle = { time: 1485273600, open: 1.07, high: 1.08, low: 1.06, close: 1.07 };
export const asked: PredictRequest = { pair: "EURUSD", timeframe: "1h", candles: [{ ...candle, volume: 12 }] };
export const live: PredictRequest = { ...asked, since: candle.time };
export const batch: BatchRequest = { pair: "EURUSD", timeframe: "1h", start_date: "2017-01-10", end_date: 1485820800 };
export const detect: DetectRequest = { candles: [candle], patterns: ["CDLENGULFING"] };
export const training: TrainingRequest = { model_type: "xgboost", hyperparameters: { n_estimators: 200 } };

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    const said: { type: string; title: string; status: number; detail: string; run_id?: string } = problem;
    super(problem.error ?? said.detail);
  }
}

type Answer<Path extends keyof paths, Method extends keyof paths[Path], Status> = paths[Path][Method] extends {
  responses: infer All;
}
  ? Status extends keyof All
    ? All[Status] extends { content: { "application/json": infer Body } }
      ? Body
      : never
    : never
  : never;

async function call<Body>(method: string, path: keyof paths, body?: unknown): Promise<Body> {
  const answer = await fetch(`http://127.0.0.1:8001${path}`, { method, body: JSON.stringify(body) });
  if (!answer.ok) throw new Refused((await answer.json()) as Problem);
  return (await answer.json()) as Body;
}

export async function draw(): Promise<string[]> {
  const answer: PredictResponse = await call<Answer<"/predict", "post", 200>>("POST", "/predict", asked);
  const whole: BatchResponse = await call<Answer<"/predict/batch", "post", 200>>("POST", "/predict/batch", batch);
  const info: ModelInfo = answer.model_info;
  const counted: number = whole.candle_count + info.feature_count + info.trained_at;
  const from: number | undefined = answer.changed_from;
  return [...answer.spans.map(spanText), ...answer.per_candle.map(candleText), info.run_id, `${counted} ${from}`];
}

function spanText({ label, start_time, end_time, avg_confidence, candle_count }: Span): string {
  const seconds: number = end_time - start_time;
  return `${label} ${seconds} ${avg_confidence.toFixed(2)} ${candle_count}`;
}

function candleText({ time, label, confidence }: PerCandle): string {
  return `${new Date(time * 1000).toISOString()} ${label} ${confidence.toFixed(2)}`;
}

export async function describe(): Promise<number | null> {
  const { model_info, metrics, label_config }: ModelDescription = await call("GET", "/model/info");
  const { accuracy, f1_macro, f1_weighted, per_class }: Metrics = metrics;
  const colors = new Map(label_config.map(({ name, color }: LabelColor) => [name, color]));
  const worst = model_info.label_names
    .filter((name) => colors.has(name))
    .map((name) => per_class[name])
    .map(({ precision, recall, f1_score, support }) => Math.min(precision, recall, f1_score) * Math.sign(support));
  const health: Health = await call<Answer<"/health", "get", 200>>("GET", "/health");
  const alive: "ok" = health.status;
  return alive && health.model_loaded ? Math.min(accuracy, f1_macro, f1_weighted, ...worst) : null;
}

export function lineText(line: BatchStart | BatchPart | BatchEnd | BatchError): string {
  switch (line.type) {
    case "start":
      return `${line.candle_count} candles by ${line.model_info.model_version}`;
    case "part":
      return `${line.candles_done} (${line.progress * 100} %), ${line.spans.length} spans, ${line.per_candle.length}`;
    case "end":
      return `${line.candle_count} in all`;
    case "error":
      return line.problem.error;
  }
}

export async function dismiss(span: Span, model: ModelInfo): Promise<string> {
  const { label, start_time, end_time, avg_confidence: confidence } = span;
  const prediction = { label, start_time, end_time, confidence, model_version: model.model_version };
  const verdict: Feedback = { client_id: "7f0c", pair: "EURUSD", timeframe: "1h", action: "dismiss", prediction };
  const recorded: FeedbackRecorded = await call<Answer<"/feedback", "post", 201>>("POST", "/feedback", verdict);
  const annotation: Annotation = recorded.annotation;
  return `${recorded.id}: ${annotation.label} ${annotation.start_time} ${annotation.outcome ?? annotation.source}`;
}

export async function train(): Promise<boolean> {
  const started: Started = await call<Answer<"/training/start", "post", 202>>("POST", "/training/start", training);
  const runs: TrainingRun[] = await call<Answer<"/training/runs", "get", 200>>("GET", "/training/runs");
  const run = runs.find(({ run_id }) => run_id === started.run_id);
  if (run?.status !== "ready" || run.completed_at === null) return false;
  const loaded: Loaded = await call<Answer<"/model/load", "post", 200>>("POST", "/model/load", { run_id: run.run_id });
  return loaded.model_info.run_id === run.run_id;
}

export function shown({ annotations, metadata }: Detected): string {
  return annotations.map(({ label, confidence, source }) => `${label} ${confidence} ${source}`).join() + metadata.count;
}
