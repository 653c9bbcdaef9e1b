// @vitest-environment happy-dom
// @vitest-environment-options { "settings": { "fetch": { "disableSameOriginPolicy": true } } }

import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../client/http";
import { type Chart, type ChartOptions, openChart, passes } from "./chart";
import { FakeApi, HOUR } from "./fake-api";

let api: FakeApi;
let charts: Chart[];

beforeEach(async () => {
  api = new FakeApi();
  await api.open();
  charts = [];
});

afterEach(async () => {
  for (const chart of charts) chart.end();
  localStorage.clear();
  await api.close();
});

function open(options?: ChartOptions): Chart {
  const chart = openChart(api, options);
  charts.push(chart);
  return chart;
}

async function ready(options?: ChartOptions): Promise<Chart> {
  const chart = open(options);
  await chart.until(({ model }) => model !== null);
  return chart;
}

function starts(chart: Chart): number[] {
  return chart
    .now()
    .rows.flatMap(({ prediction }) => (prediction === null ? [] : [prediction.start_time / HOUR]));
}

test("at the start the service and its model are asked, and nothing is predicted", async () => {
  const chart = await ready();
  expect(chart.now().service.state).toBe("up");
  expect(chart.now().settings).toMatchObject({ shown: true, threshold: 0.7, auto_predict: false });
  await passes(350);
  expect(api.asked("POST /predict")).toHaveLength(0);
});

test("switched off the service is never asked", async () => {
  const chart = open({ enabled: false });
  await passes(50);
  expect(api.server?.seen).toEqual([]);
  expect(chart.now().enabled).toBe(false);
});

test("what is visible is predicted, merged with what was known, and asked once", async () => {
  api.flags = [
    [10, 14],
    [70, 75],
  ];
  const chart = await ready();
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 1);
  await chart.scrollTo({ start_time: 60 * HOUR, end_time: 99 * HOUR });
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 2);
  await chart.does(({ predict_visible }) => predict_visible());
  await passes(30);
  expect(api.asked("POST /predict")).toHaveLength(2);
  expect(starts(chart)).toEqual([10, 70]);
  expect(chart.now().spans.map(({ stroke, color }) => [stroke, color])).toEqual([
    ["dashed", "#123456"],
    ["dashed", "#123456"],
  ]);
});

test("a stale answer is never shown", async () => {
  api.flags = [
    [10, 14],
    [70, 75],
  ];
  const chart = await ready();
  api.predictDelayMs = 80;
  await chart.does(({ predict_visible }) => predict_visible());
  await passes(20);
  api.predictDelayMs = 0;
  await chart.scrollTo({ start_time: 60 * HOUR, end_time: 99 * HOUR });
  await chart.does(({ predict_visible }) => predict_visible());
  await passes(150);
  expect(starts(chart)).toEqual([70]);
});

test("all is predicted with its progress, and can be cancelled", async () => {
  const chart = await ready();
  api.predictDelayMs = 5000;
  await chart.does(({ predict_all }) => predict_all());
  await chart.until(({ asking }) => asking.progress === 0.5);
  expect(chart.now().asking).toMatchObject({ state: "running", of: "all" });
  await chart.does(({ asking }) => asking.cancel());
  expect(chart.now().asking.state).toBe("idle");
  expect(chart.now().rows).toEqual([]);
  api.predictDelayMs = 0;
  await chart.does(({ predict_all }) => predict_all());
  await chart.until(({ rows }) => rows.length === 1);
});

test("the switch of predictions hides them without forgetting them", async () => {
  const chart = await ready();
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 1);
  await chart.does(({ change }) => change({ shown: false }));
  expect(chart.now().rows).toEqual([]);
  await chart.does(({ change }) => change({ shown: true }));
  expect(chart.now().rows).toHaveLength(1);
  expect(JSON.parse(localStorage.getItem("candleloop.settings") ?? "{}")).toMatchObject({ shown: true });
});

test("auto-predict asks once the chart rests, and not for what is known", async () => {
  const chart = await ready();
  await chart.does(({ change }) => change({ auto_predict: true }));
  await chart.until(({ rows }) => rows.length === 1);
  for (const end of [51, 52, 53]) await chart.scrollTo({ start_time: 0, end_time: end * HOUR });
  await passes(200);
  expect(api.asked("POST /predict")).toHaveLength(1);
  await until(() => api.asked("POST /predict").length === 2);
  await chart.scrollTo({ start_time: 5 * HOUR, end_time: 40 * HOUR });
  await passes(400);
  expect(api.asked("POST /predict")).toHaveLength(2);
});

test("a new version is noticed, drops what was known, and is asked the same again", async () => {
  const chart = await ready();
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 1);
  api.version = "2";
  api.flags = [[20, 24]];
  await chart.does(({ service }) => service.ask_now());
  await chart.until(({ rows }) => rows[0]?.prediction?.model_version === "2");
  expect(starts(chart)).toEqual([20]);
  expect(chart.now().model?.model_info.model_version).toBe("2");
});

test("a prediction by another version than the known one has the model asked for again", async () => {
  const chart = await ready();
  api.version = "2";
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ model }) => model?.model_info.model_version === "2");
  expect(api.asked("POST /predict")).toHaveLength(1);
  expect(chart.now().rows[0]?.prediction?.model_version).toBe("2");
});

test("a process that still has the model before is asked again until it has followed", async () => {
  const chart = await ready();
  api.version = "2";
  await chart.does(({ service }) => service.ask_now());
  await chart.until(({ model }) => model?.model_info.model_version === "2");
  api.lagging = { version: "1", answers: 2 };
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows[0]?.prediction?.model_version === "2");
  await passes(50);
  expect(api.asked("POST /predict")).toHaveLength(3);
});

test("another model is loaded, or the gate's words are told", async () => {
  const chart = await ready();
  await chart.does(({ load_model }) => load_model("r2"));
  await chart.until(({ model }) => model?.model_info.model_version === "2");
  api.gate = "F1 0.41 is below the champion's 0.52.";
  await chart.does(({ load_model }) => load_model("r3"));
  await chart.until(({ model_error }) => model_error === "F1 0.41 is below the champion's 0.52.");
});

test("spans among the newest candles are provisional as long as the model says", async () => {
  api.flags = [
    [80, 90],
    [95, 97],
  ];
  const chart = await ready({ range: { start_time: 60 * HOUR, end_time: 99 * HOUR } });
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 2);
  expect(chart.now().rows.map(({ prediction }) => prediction?.provisional_from)).toEqual([null, 97 * HOUR]);
});

test("with the service away it says so, and asks the model again once it is back", async () => {
  const chart = await ready();
  api.isUp = false;
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ service }) => service.state === "down");
  expect(chart.now().service.error).toBe("Inference service unavailable");
  expect(chart.now().asking).toMatchObject({ state: "failed", error: "Inference service unavailable" });
  api.isUp = true;
  api.version = "2";
  await chart.does(({ service }) => service.ask_now());
  await chart.until(({ model }) => model?.model_info.model_version === "2");
  expect(chart.now().service).toMatchObject({ state: "up", error: null });
});

test("the chosen TA-Lib functions are looked for in what is visible", async () => {
  const chart = await ready();
  await chart.until(({ patterns }) => patterns.length === 1);
  expect(api.asked("POST /patterns/detect")).toHaveLength(0);
  await chart.does(({ change }) => change({ patterns: ["CDLDOJI"] }));
  await chart.until(({ spans }) => spans.some(({ stroke }) => stroke === "dotted"));
  expect(api.asked("POST /patterns/detect")[0]?.body).toMatchObject({ patterns: ["CDLDOJI"] });
});

test("steps go from row to row by time and stop at the ends", async () => {
  api.flags = [
    [10, 14],
    [30, 35],
  ];
  const chart = await ready();
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 2);
  const seen: (number | undefined)[] = [];
  for (const by of [1, 1, 1, -1] as const) {
    await chart.does(({ step }) => step(by));
    seen.push(chart.now().selected?.prediction?.start_time);
  }
  expect(seen).toEqual([10, 30, 30, 10].map((at) => at * HOUR));
  await chart.does(({ select }) => select(null));
  expect(chart.now().selected).toBeNull();
});
