// @vitest-environment happy-dom
// @vitest-environment-options { "settings": { "fetch": { "disableSameOriginPolicy": true } } }

import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test } from "vitest";
import { outboxOf } from "@/candleloop/client/outboxes";
import { bookOf } from "@/candleloop/client/verdict-book";
import { type Annotations, useAnnotations } from "@/candleloop/react/use-annotations";
import { until } from "../client/http";
import { passes } from "./chart";
import { FakeApi, HOUR } from "./fake-api";

const SERIES = { pair: "EURUSD", timeframe: "1h" };
const FLAG = { label: "flag", start_time: 10 * HOUR, end_time: 14 * HOUR };
let api: FakeApi;
let ends: (() => void)[];

beforeEach(async () => {
  api = new FakeApi();
  await api.open();
  ends = [];
});

afterEach(async () => {
  for (const end of ends) end();
  localStorage.clear();
  await api.close();
});

function open(annotator?: string) {
  const { result, unmount } = renderHook(() => useAnnotations({ ...SERIES, base: api.base, annotator }));
  ends.push(unmount);
  return {
    now: () => result.current,
    does: (deed: (annotations: Annotations) => void) => act(async () => deed(result.current)),
    until: (condition: (annotations: Annotations) => boolean) => until(() => condition(result.current)),
  };
}

async function ready(annotator?: string) {
  const page = open(annotator);
  await page.until(({ state }) => state === "ready");
  return page;
}

function labels({ annotations }: Annotations): string[] {
  return annotations.map(({ label }) => label);
}

function kept(id: string, start: number) {
  const rest = { confidence: null, outcome: null, notes: null, sub_spans: null, model_prediction: null };
  return { ...rest, id, label: id, start_time: start * HOUR, end_time: (start + 2) * HOUR, source: "human" };
}

async function goesOn(): Promise<void> {
  api.isUp = true;
  await act(async () => outboxOf(api.base, SERIES).wake());
}

test("every page of what is stored is read", async () => {
  for (const [at, id] of ["a", "b", "c", "d", "e"].entries()) api.annotations.set(id, kept(id, at * 5));
  const page = await ready();
  expect(labels(page.now())).toEqual(["a", "b", "c", "d", "e"]);
  expect(api.asked("GET /annotations")).toHaveLength(3);
});

test("what is drawn is there at once and is stored once, under its own id and name", async () => {
  const page = await ready("mia");
  let id = "";
  await page.does(({ annotate }) => {
    id = annotate(FLAG);
  });
  expect(page.now().annotations).toMatchObject([{ id, ...FLAG, source: "human", annotator: "mia" }]);
  await page.until(({ waiting }) => waiting === 0);
  expect([...api.annotations.values()]).toMatchObject([{ id, ...FLAG, annotator: "mia" }]);
  expect(page.now().annotations).toHaveLength(1);
});

test("a change and a removal are there at once, and each step is undone", async () => {
  api.annotations.set("a", kept("a", 10));
  const page = await ready();
  await page.does(({ alter }) => alter("a", { label: "wedge" }));
  await page.does(({ remove }) => remove("a"));
  expect(labels(page.now())).toEqual([]);
  await page.until(({ waiting }) => waiting === 0);
  expect(api.annotations.size).toBe(0);
  await page.does(({ undo }) => undo?.());
  expect(labels(page.now())).toEqual(["wedge"]);
  await page.does(({ undo }) => undo?.());
  expect(labels(page.now())).toEqual(["a"]);
  await page.until(({ waiting }) => waiting === 0);
  expect([...api.annotations.values()]).toMatchObject([{ label: "a", start_time: 10 * HOUR }]);
  expect(page.now().undo).toBeNull();
});

test("bounds that cross are swapped before they are sent", async () => {
  api.annotations.set("a", kept("a", 10));
  const page = await ready();
  await page.does(({ alter }) => alter("a", { start_time: 20 * HOUR }));
  expect(page.now().annotations).toMatchObject([{ start_time: 12 * HOUR, end_time: 20 * HOUR }]);
  await page.until(({ waiting }) => waiting === 0);
  expect(api.asked("PATCH")[0]?.body).toEqual({ start_time: 12 * HOUR, end_time: 20 * HOUR });
});

test("annotating goes on while the service is away, and all is stored when it is back", async () => {
  const page = await ready();
  api.isUp = false;
  let id = "";
  await page.does(({ annotate }) => {
    id = annotate(FLAG);
  });
  await page.does(({ alter }) => alter(id, { end_time: 16 * HOUR }));
  await passes(30);
  expect(page.now()).toMatchObject({ waiting: 2, annotations: [{ end_time: 16 * HOUR }] });
  await goesOn();
  await page.until(({ waiting }) => waiting === 0);
  expect([...api.annotations.values()]).toMatchObject([{ id, end_time: 16 * HOUR }]);
});

test("a drawing that was never sent leaves no trace once it is removed", async () => {
  const page = await ready();
  api.isUp = false;
  await page.does(({ annotate }) => void annotate(FLAG));
  await until(() => api.asked("POST /annotations").length === 1);
  let second = "";
  await page.does(({ annotate }) => {
    second = annotate({ ...FLAG, label: "wedge" });
  });
  await page.does(({ remove }) => remove(second));
  expect(page.now()).toMatchObject({ waiting: 1, annotations: [{ label: "flag" }] });
  await goesOn();
  await page.until(({ waiting }) => waiting === 0);
  expect(api.asked("DELETE")).toEqual([]);
});

test("a refused drawing goes away and cannot be undone", async () => {
  const page = await ready();
  api.refuses = "No candle opens at that time.";
  await page.does(({ annotate }) => void annotate(FLAG));
  await page.until(({ refused }) => refused === api.refuses);
  expect(page.now()).toMatchObject({ annotations: [], undo: null, waiting: 0 });
});

test("what a verdict made can be changed and removed before it is stored", async () => {
  const page = await ready();
  api.isUp = false;
  const outbox = outboxOf(api.base, SERIES);
  const feedback = { ...SERIES, client_id: "c1", action: "confirm" as const, prediction: FLAG };
  await act(async () => void outbox.add({ kind: "feedback", feedback }));
  await page.does(({ alter }) => alter("c1", { label: "wedge" }));
  const standing = () => bookOf(outbox.snapshot()).standing.map((verdict) => verdict.feedback);
  expect(standing()).toMatchObject([{ action: "correct", label: "wedge", prediction: FLAG }]);
  await page.does(({ remove }) => remove(standing()[0]?.client_id ?? ""));
  expect(standing()).toEqual([]);
  await goesOn();
  await page.until(({ waiting }) => waiting === 0);
  expect([...api.verdicts.values()].filter(({ retracted }) => !retracted)).toEqual([]);
});

test("what cannot be read is told, and what is drawn is shown all the same", async () => {
  api.isUp = false;
  const page = open();
  await page.until(({ state }) => state === "failed");
  await page.does(({ annotate }) => void annotate(FLAG));
  expect(page.now()).toMatchObject({ error: "Inference service unavailable", annotations: [FLAG] });
});
