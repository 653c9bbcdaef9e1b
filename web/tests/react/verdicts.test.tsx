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

/** A chart on which one flag is predicted. */
async function predicted(options: ChartOptions = {}): Promise<{ chart: Chart; key: string }> {
  const chart = openChart(api, options);
  charts.push(chart);
  await chart.until(({ model }) => model !== null);
  await chart.does(({ predict_visible }) => predict_visible());
  await chart.until(({ rows }) => rows.length === 1);
  return { chart, key: chart.now().rows[0]?.key ?? "" };
}

async function goesAway(chart: Chart): Promise<void> {
  api.isUp = false;
  await chart.does(({ service }) => service.ask_now());
  await chart.until(({ service }) => service.state === "down");
}

async function comesBack(chart: Chart): Promise<void> {
  api.isUp = true;
  await chart.does(({ service }) => service.ask_now());
  await chart.until(({ service }) => service.state === "up");
}

function solid(chart: Chart) {
  return chart.now().spans.filter(({ stroke }) => stroke === "solid");
}

function standing() {
  return [...api.verdicts.values()].filter(({ retracted }) => !retracted);
}

test("a confirmation is seen at once, and stored with what was judged", async () => {
  const { chart, key } = await predicted({ annotator: "mia" });
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  expect(chart.now().rows).toMatchObject([{ standing: "agreement", judged: true }]);
  expect(solid(chart)).toHaveLength(1);
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing().map(({ feedback }) => feedback)).toMatchObject([
    {
      pair: "EURUSD",
      timeframe: "1h",
      action: "confirm",
      annotator: "mia",
      as_of: 99 * HOUR,
      prediction: {
        label: "flag",
        start_time: 10 * HOUR,
        end_time: 14 * HOUR,
        confidence: 0.9,
        model_version: "1",
      },
    },
  ]);
  await until(() => chart.kept().length === 1);
  expect(chart.kept()).toMatchObject([{ id: "annotation of verdict 1", source: "model_confirmed" }]);
  expect(solid(chart)).toHaveLength(1);
});

test("a second click and a held key say nothing twice", async () => {
  const { chart, key } = await predicted();
  await chart.does(({ verdicts }) => {
    verdicts.confirm(key);
    verdicts.confirm(key);
  });
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  await passes(30);
  expect(api.verdicts.size).toBe(1);
});

test("a correction sends what changes, and one that changes nothing confirms", async () => {
  const { chart, key } = await predicted();
  await chart.does(({ verdicts }) => verdicts.correct(key, { label: "wedge", start_time: 10 * HOUR }));
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  const [first] = standing();
  expect(first?.feedback).toMatchObject({ action: "correct", label: "wedge" });
  expect(first?.feedback.start_time).toBeUndefined();
  await chart.does(({ verdicts }) => verdicts.correct(key, { label: "flag" }));
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing().map(({ feedback }) => feedback.action)).toEqual(["confirm"]);
});

test("a correction of a correction keeps what it does not change, and takes the place of the first", async () => {
  const { chart, key } = await predicted();
  await chart.does(({ verdicts }) => verdicts.correct(key, { end_time: 16 * HOUR }));
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  const own = solid(chart)[0]?.key ?? "";
  expect(chart.now().verdicts.is_given(own)).toBe(true);
  await chart.does(({ verdicts }) => verdicts.correct(own, { label: "wedge" }));
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing().map(({ feedback }) => feedback)).toMatchObject([
    { action: "correct", label: "wedge", end_time: 16 * HOUR },
  ]);
  expect(api.annotations.size).toBe(1);
  await until(() => chart.kept().length === 1);
  expect(solid(chart)).toMatchObject([{ end_time: 16 * HOUR }]);
});

test("a dismissal takes the prediction away, an undo brings it back", async () => {
  const { chart, key } = await predicted();
  await chart.does(({ verdicts }) => verdicts.dismiss(key));
  expect(chart.now().rows).toEqual([]);
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  await until(() => chart.kept().length === 1);
  expect(chart.kept()).toMatchObject([{ label: "O" }]);
  await chart.does(({ verdicts }) => verdicts.undo?.());
  expect(chart.now().rows).toHaveLength(1);
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing()).toEqual([]);
  await until(() => chart.kept().length === 0);
  expect(chart.now().verdicts.undo).toBeNull();
});

test("while the service is away verdicts are kept and seen, and sent once when it is back", async () => {
  const { chart, key } = await predicted();
  await goesAway(chart);
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  await passes(30);
  expect(chart.now().verdicts.waiting).toBe(1);
  expect(chart.now().rows).toMatchObject([{ judged: true }]);
  await comesBack(chart);
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(api.verdicts.size).toBe(1);
  const delivered = api.asked("POST /feedback").map(({ body }) => body);
  expect(new Set(delivered.map((body) => JSON.stringify(body))).size).toBe(1);
});

test("what was never sent is undone without the service ever hearing of it", async () => {
  const { chart, key } = await predicted();
  await goesAway(chart);
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  await until(() => api.asked("POST /feedback").length > 0);
  await chart.does(({ verdicts }) => verdicts.correct(key, { label: "wedge" }));
  await chart.does(({ verdicts }) => verdicts.undo?.());
  expect(chart.now().rows).toMatchObject([{ judged: false }]);
  await comesBack(chart);
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  const actions = api
    .asked("POST /feedback")
    .map(({ body }) => JSON.stringify(body).match(/"action":"(\w+)"/)?.[1]);
  expect(new Set(actions)).toEqual(new Set(["confirm"]));
  // The first was tried in vain, so that nobody here could know whether it had arrived: it is retracted.
  expect(standing()).toEqual([]);
  expect(chart.kept()).toEqual([]);
});

test("two annotators in one browser each say their own, and nobody undoes what another said", async () => {
  const { chart: mias, key } = await predicted({ annotator: "mia" });
  await mias.does(({ verdicts }) => verdicts.confirm(key));
  await mias.until(({ verdicts }) => verdicts.waiting === 0);
  const { chart: toms } = await predicted({ annotator: "tom" });
  expect(toms.now().verdicts.undo).toBeNull();
  await toms.does(({ verdicts }) => verdicts.dismiss(key));
  await toms.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing().map(({ feedback }) => [feedback.annotator, feedback.action])).toEqual([
    ["mia", "confirm"],
    ["tom", "dismiss"],
  ]);
  await mias.does(({ verdicts }) => verdicts.undo?.());
  await mias.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing().map(({ feedback }) => feedback.annotator)).toEqual(["tom"]);
});

test("the keys judge what is selected", async () => {
  const { chart, key } = await predicted();
  await chart.press("y");
  expect(chart.now().verdicts.waiting).toBe(0);
  await chart.press("j");
  expect(chart.now().selected?.key).toBe(key);
  await chart.press("e");
  expect(chart.corrected).toEqual([key]);
  await chart.press("y");
  expect(chart.now().rows).toMatchObject([{ judged: true }]);
  await chart.press("u");
  expect(chart.now().rows).toMatchObject([{ judged: false }]);
  await chart.press("x");
  expect(chart.now().rows).toEqual([]);
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(standing().map(({ feedback }) => feedback.action)).toEqual(["dismiss"]);
});

test("what waits outlives the page", async () => {
  const { chart, key } = await predicted();
  await goesAway(chart);
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  chart.end();
  api.isUp = true;
  const { chart: reopened } = await predicted({ base: `${api.base}/` });
  await reopened.until(({ verdicts }) => verdicts.waiting === 0);
  expect(api.verdicts.size).toBe(1);
});

test("a refusal is told in its words, and its effect goes", async () => {
  const { chart, key } = await predicted();
  api.refuses = "No candle opens at that time.";
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  await chart.until(({ verdicts }) => verdicts.refused !== null);
  expect(chart.now().verdicts).toMatchObject({ refused: api.refuses, waiting: 0, undo: null });
  expect(chart.now().rows).toMatchObject([{ standing: "missed_by_human", judged: false }]);
});

test("a host that keeps nothing still shows what was said on this page", async () => {
  const { chart, key } = await predicted({ keeps: false });
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  await chart.until(({ verdicts }) => verdicts.waiting === 0);
  expect(chart.now().rows).toMatchObject([{ judged: true }]);
});

test("the selection stays on a prediction while it is judged, stored and taken back", async () => {
  const { chart, key } = await predicted();
  await chart.does(({ select }) => select(key));
  expect(chart.now().selected_key).toBe(key);
  await chart.does(({ verdicts }) => verdicts.confirm(key));
  const provisional = chart.now().selected_key;
  expect(solid(chart).map((span) => span.key)).toEqual([provisional]);
  await chart.does(({ select }) => select(provisional));
  await until(() => chart.kept().length === 1);
  await passes(10);
  expect(chart.now().selected_key).toBe("annotation:annotation of verdict 1");
  expect(chart.now().selected?.prediction?.key).toBe(key);
});
