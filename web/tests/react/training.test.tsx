// @vitest-environment happy-dom
// @vitest-environment-options { "settings": { "fetch": { "disableSameOriginPolicy": true } } }

import { afterEach, beforeEach, expect, test } from "vitest";
import { type Chart, openChart } from "./chart";
import { FakeApi } from "./fake-api";

let api: FakeApi;
let chart: Chart;

beforeEach(async () => {
  api = new FakeApi();
  await api.open();
});

afterEach(async () => {
  chart.end();
  localStorage.clear();
  await api.close();
});

async function ready(): Promise<void> {
  chart = openChart(api);
  await chart.until(({ model }) => model !== null);
}

function run(run_id: string, status: string) {
  return { run_id, status, model_type: "lightgbm", progress: 0.4 };
}

test("a training is started for the chart's series and followed to its end, then the model is asked for", async () => {
  await ready();
  await chart.does(({ training }) => training.start("xgboost"));
  await chart.until(({ training }) => training.run?.run_id === "mine");
  expect(chart.now().training.is_active).toBe(true);
  expect(api.asked("POST /training/start")[0]?.body).toEqual({
    model_type: "xgboost",
    pairs: ["EURUSD"],
    timeframe: "1h",
  });
  api.runs = [{ ...run("mine", "ready"), progress: 1 }];
  api.version = "2";
  await chart.until(({ training }) => !training.is_active);
  await chart.until(({ model }) => model?.model_info.model_version === "2");
});

test("a training learns from the champion's series too, which it would else forget", async () => {
  const stored = { run_id: "r", pairs: ["BTCUSDT", "EURUSD"], metrics: {}, moves: [] };
  api.models = [
    { ...stored, timeframe: "1h", is_champion: false, pairs: ["GBPUSD"] },
    { ...stored, timeframe: "1h", is_champion: true },
  ];
  await ready();
  await chart.until(({ training }) => training.pairs.length === 2);
  await chart.does(({ training }) => training.start("xgboost"));
  await chart.until(({ training }) => training.is_active);
  expect(api.asked("POST /training/start")[0]?.body).toMatchObject({ pairs: ["EURUSD", "BTCUSDT"] });
});

test("a training that is in the way is followed instead, and the words say so", async () => {
  await ready();
  api.runs = [run("theirs", "running")];
  await chart.does(({ training }) => training.start("xgboost"));
  await chart.until(({ training }) => training.error === "A training is active.");
  await chart.until(({ training }) => training.run?.run_id === "theirs");
  expect(chart.now().training.is_active).toBe(true);
});

test("a training that was under way before the page was opened is followed and can be cancelled", async () => {
  api.runs = [run("theirs", "running"), run("old", "ready")];
  await ready();
  await chart.until(({ training }) => training.run?.run_id === "theirs");
  await chart.does(({ training }) => training.cancel());
  await chart.until(({ training }) => training.run?.status === "cancelled");
  expect(chart.now().training.is_active).toBe(false);
});
