/** The API as far as the hooks use it, small and in memory, behind real HTTP. */

import type { ServerResponse } from "node:http";
import type { Feedback } from "@/candleloop/types";
import { away, json, pause, problem, type Seen, serve, type TestServer } from "../client/http";

export const HOUR = 3600;
export const CANDLES = Array.from({ length: 100 }, (_, at) => ({
  time: at * HOUR,
  open: 1,
  high: 2,
  low: 0.5,
  close: 1,
}));

interface Run {
  run_id: string;
  status: string;
  model_type: string;
  progress: number;
}

export interface StoredOne {
  id: string;
  label: string;
  start_time: number;
  end_time: number;
  source: string;
  [field: string]: unknown;
}

export class FakeApi {
  server: TestServer | null = null;
  isUp = true;
  version = "1";
  /** Candle numbers of the flags that the model sees, first and last. */
  flags: [number, number][] = [[10, 14]];
  predictDelayMs = 0;
  /** The version of a process that has not followed yet: it answers the next so many predictions. */
  lagging: { version: string; answers: number } = { version: "", answers: 0 };
  refuses: string | null = null;
  verdicts = new Map<string, { id: string; feedback: Feedback; retracted: boolean }>();
  annotations = new Map<string, StoredOne>();
  runs: Run[] = [];
  models: object[] = [];
  gate: string | null = null;

  async open(): Promise<void> {
    this.server = await serve((seen, response) => this.answer(seen, response));
  }

  async close(): Promise<void> {
    await this.server?.close();
  }

  get base(): string {
    return this.server?.base ?? "";
  }

  /** What was asked for, as `POST /predict`. */
  asked(what: string): Seen[] {
    return (this.server?.seen ?? []).filter(({ method, path }) => `${method} ${path}`.startsWith(what));
  }

  private async answer(seen: Seen, response: ServerResponse) {
    if (!this.isUp) return away(response);
    const [path = ""] = seen.path.split("?");
    const [, area = "", id = ""] = path.split("/").map(decodeURIComponent);
    // What the hooks have sent, as the API's types say.
    const body = (seen.body ?? {}) as Record<string, never>;
    if (path === "/health")
      return json(response, { status: "ok", model_loaded: true, model_version: this.version });
    if (path === "/model/info") return json(response, this.description());
    if (path === "/model/load") return this.load(response);
    if (path === "/models") return json(response, this.models);
    if (path === "/predict") return await this.predict(body.candles ?? [], response);
    if (path === "/predict/batch") return await this.batch(response);
    if (path === "/patterns/available") {
      return json(response, [{ function_name: "CDLDOJI", display_name: "Doji" }]);
    }
    if (path === "/patterns/detect") return this.detect(body.candles ?? [], response);
    if (area === "training") return this.training(seen, response);
    if (area === "feedback") return this.feedback(seen.method, id, seen.body, response);
    if (area === "annotations") return this.annotation(seen, id, response);
    problem(response, 404, `Unknown path: ${path}.`);
  }

  private description() {
    return {
      model_info: { model_version: this.version, label_names: ["flag", "wedge"], provisional_bars: 3 },
      metrics: {},
      label_config: [{ name: "flag", color: "#123456", provisional_bars: 3 }],
    };
  }

  private load(response: ServerResponse) {
    if (this.gate !== null) return problem(response, 409, this.gate);
    this.version = String(Number(this.version) + 1);
    json(response, { model_info: { model_version: this.version } });
  }

  private spansWithin(first: number, last: number) {
    return this.flags
      .map(([from, to]) => ({
        label: "flag",
        start_time: from * HOUR,
        end_time: to * HOUR,
        avg_confidence: 0.9,
        candle_count: to - from + 1,
      }))
      .filter(({ start_time, end_time }) => start_time >= first && end_time <= last);
  }

  private async predict(candles: { time: number }[], response: ServerResponse): Promise<void> {
    const isLagging = this.lagging.answers > 0;
    const version = isLagging ? this.lagging.version : this.version;
    this.lagging.answers -= 1;
    await pause(this.predictDelayMs);
    const spans = this.spansWithin(candles[0]?.time ?? 0, candles.at(-1)?.time ?? 0);
    json(response, {
      pair: "EURUSD",
      timeframe: "1h",
      spans,
      per_candle: [],
      model_info: { model_version: version },
    });
  }

  private async batch(response: ServerResponse): Promise<void> {
    const line = (value: unknown) => response.write(`${JSON.stringify(value)}\n`);
    line({ type: "start", candle_count: 100, model_info: { model_version: this.version } });
    const per_candle = [{ time: 0 }, { time: 99 * HOUR }];
    line({ type: "part", spans: this.spansWithin(0, 99 * HOUR), per_candle, progress: 0.5 });
    await pause(this.predictDelayMs);
    line({ type: "part", spans: [], per_candle: [], progress: 1 });
    line({ type: "end", candle_count: 100 });
    response.end();
  }

  private detect(candles: { time: number }[], response: ServerResponse) {
    const times = candles.map(({ time }) => time);
    const [start_time, end_time] = [times.at(-2), times.at(-1)];
    const found = { start_time, end_time, label: "CDLDOJI", confidence: 1, source: "talib" };
    json(response, { annotations: [found], metadata: { count: 1 } });
  }

  private training({ method, path }: Seen, response: ServerResponse) {
    const active = this.runs.find(({ status }) => status === "running");
    if (method === "POST" && path.endsWith("/start")) {
      if (active) return problem(response, 409, "A training is active.", { run_id: active.run_id });
      this.runs.unshift({ run_id: "mine", status: "running", model_type: "xgboost", progress: 0 });
      return json(response, { run_id: "mine", status: "queued" }, 202);
    }
    if (path === "/training/runs") return json(response, this.runs);
    const run = this.runs.find(({ run_id }) => path.includes(`/runs/${run_id}`));
    if (run === undefined) return problem(response, 404, "Unknown run.");
    if (path.endsWith("/cancel")) run.status = "cancelled";
    json(response, run);
  }

  private feedback(method: string, id: string, body: unknown, response: ServerResponse) {
    if (method === "DELETE") {
      for (const verdict of this.verdicts.values()) if (verdict.id === id) verdict.retracted = true;
      this.annotations.delete(`annotation of ${id}`);
      response.writeHead(204).end();
      return;
    }
    if (this.refuses !== null) return problem(response, 422, this.refuses);
    const feedback = body as Feedback;
    const known = this.verdicts.get(feedback.client_id);
    const id_ = known?.id ?? `verdict ${this.verdicts.size + 1}`;
    const annotation = annotationFrom(feedback, `annotation of ${id_}`);
    if (known === undefined) {
      this.verdicts.set(feedback.client_id, { id: id_, feedback, retracted: false });
      this.annotations.set(annotation.id, annotation);
    }
    json(response, { id: id_, annotation }, known === undefined ? 201 : 200);
  }

  private annotation({ method, path, body }: Seen, id: string, response: ServerResponse) {
    // What the hooks have sent, as the API's types say.
    const given = (body ?? {}) as StoredOne;
    if (method === "GET") return this.page(path, response);
    if (method === "DELETE") {
      this.annotations.delete(id);
      response.writeHead(204).end();
      return;
    }
    if (this.refuses !== null) return problem(response, 422, this.refuses);
    const before = method === "POST" ? EMPTY : this.annotations.get(id);
    if (before === undefined) return problem(response, 404, "Unknown annotation.");
    const stored = { ...before, ...given };
    this.annotations.set(stored.id, stored);
    json(response, stored, method === "POST" ? 201 : 200);
  }

  /** Two a page. */
  private page(path: string, response: ServerResponse) {
    const after = Number(new URL(path, "http://api").searchParams.get("after") ?? 0);
    const all = [...this.annotations.values()];
    const next = after + 2 < all.length ? String(after + 2) : null;
    json(response, { annotations: all.slice(after, after + 2), next });
  }
}

const EMPTY: StoredOne = {
  id: "",
  label: "",
  start_time: 0,
  end_time: 0,
  source: "human",
  confidence: null,
  outcome: null,
  notes: null,
  sub_spans: null,
  model_prediction: null,
};

const SOURCES: Record<string, string> = { confirm: "model_confirmed", correct: "model_corrected" };

function annotationFrom(feedback: Feedback, id: string): StoredOne {
  const { prediction, action } = feedback;
  return {
    ...EMPTY,
    id,
    label: action === "dismiss" ? "O" : (feedback.label ?? prediction?.label ?? ""),
    start_time: feedback.start_time ?? prediction?.start_time ?? 0,
    end_time: feedback.end_time ?? prediction?.end_time ?? 0,
    source: SOURCES[action] ?? "human",
    model_prediction: prediction,
  };
}
