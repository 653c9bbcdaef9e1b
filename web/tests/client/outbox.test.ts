import { afterEach, beforeEach, expect, test } from "vitest";
import { endpointsOf } from "@/candleloop/client/endpoints";
import type { Deed } from "@/candleloop/client/operations";
import { type Locks, Outbox, type Outcome, warningOf } from "@/candleloop/client/outbox";
import { away, json, pause, problem, serve, type TestServer, until } from "./http";
import { TestStorage } from "./storage";

const SERIES = { pair: "EURUSD", timeframe: "1h" };
const SPAN = { label: "flag", start_time: 10, end_time: 20 };
let server: TestServer;
let storage: TestStorage;
let ends: (() => void)[] = [];

beforeEach(async () => {
  server = await serve((seen, response) => {
    if (seen.method === "DELETE") response.writeHead(204).end();
    else if (seen.path === "/feedback") json(response, { id: "f1", annotation: stored("a1") }, 201);
    else json(response, stored("x"), 201);
  });
  storage = new TestStorage();
});

afterEach(async () => {
  for (const end of ends) end();
  ends = [];
  await server.close();
});

function stored(id: string) {
  return {
    ...SPAN,
    id,
    source: "human",
    confidence: null,
    outcome: null,
    notes: null,
    sub_spans: null,
    model_prediction: null,
  };
}

/** An outbox as a page has it that has just been opened. */
function page({ locks = null, pauses = 20 }: { locks?: Locks | null; pauses?: number } = {}): Outbox {
  const outbox = new Outbox({
    series: SERIES,
    endpoints: endpointsOf(server.base),
    storage,
    locks,
    pause_ms: () => pauses,
  });
  ends.push(outbox.subscribe(() => {}));
  return outbox;
}

function close(): void {
  for (const end of ends) end();
  ends = [];
}

function annotate(id: string): Deed {
  return { kind: "annotate", annotation: { ...SERIES, ...SPAN, id } };
}

function feedback(client_id: string): Extract<Deed, { kind: "feedback" }> {
  return { kind: "feedback", feedback: { ...SERIES, client_id, action: "confirm", prediction: SPAN } };
}

function idsSent(): unknown[] {
  return server.seen.map(({ body, path }) => {
    if (typeof body !== "object" || body === null) return path;
    return "id" in body ? body.id : "client_id" in body ? body.client_id : path;
  });
}

test("what was done is sent in order, one at a time", async () => {
  let atOnce = 0;
  let most = 0;
  server.answer = async (_, response) => {
    atOnce += 1;
    most = Math.max(most, atOnce);
    await pause(5);
    atOnce -= 1;
    json(response, stored("x"), 201);
  };
  const outbox = page();
  for (const id of ["a", "b", "c"]) outbox.add(annotate(id));
  outbox.add({ kind: "alter", annotation_id: "a", change: { end_time: 30 } });
  await until(() => outbox.snapshot().operations.length === 0);
  expect(idsSent()).toEqual(["a", "b", "c", "/annotations/a?pair=EURUSD&timeframe=1h"]);
  expect(most).toBe(1);
});

test("while the service is away all is kept, and it is sent once as soon as it is back", async () => {
  const answer = server.answer;
  server.answer = (_, response) => away(response);
  const outbox = page({ pauses: 60_000 });
  outbox.add(annotate("a"));
  outbox.add(annotate("b"));
  await until(() => outbox.snapshot().problem !== null);
  expect(outbox.snapshot().operations).toHaveLength(2);
  expect(server.seen).toHaveLength(1);
  server.answer = answer;
  outbox.wake();
  outbox.wake();
  await until(() => outbox.snapshot().operations.length === 0);
  expect(idsSent()).toEqual(["a", "a", "b"]);
  expect(outbox.snapshot().problem).toBeNull();
});

test.each([408, 429, 500, 503])("a %i is tried again by itself", async (status) => {
  const answer = server.answer;
  server.answer = (_, response) => problem(response, status, "Not now.");
  const outbox = page();
  outbox.add(annotate("a"));
  await until(() => server.seen.length >= 2);
  server.answer = answer;
  await until(() => outbox.snapshot().operations.length === 0);
  expect(new Set(idsSent())).toEqual(new Set(["a"]));
  expect(outbox.snapshot().refused).toBeNull();
});

test("Retry-After is waited for", async () => {
  server.answer = (_, response) => problem(response, 429, "Too many.", {}, { "Retry-After": "60" });
  const outbox = page({ pauses: 1 });
  outbox.add(annotate("a"));
  await until(() => outbox.snapshot().problem !== null);
  await pause(60);
  expect(server.seen).toHaveLength(1);
});

test("a refusal removes what was done, tells the words, and the next one goes on", async () => {
  const answer = server.answer;
  server.answer = (seen, response) => {
    if (server.seen.length === 1) problem(response, 422, "No such candle.");
    else answer(seen, response);
  };
  const outbox = page();
  const outcomes: Outcome[] = [];
  outbox.onOutcome((outcome) => outcomes.push(outcome));
  outbox.add(annotate("a"));
  outbox.add({ kind: "alter", annotation_id: "a", change: { end_time: 30 } });
  outbox.add(annotate("b"));
  await until(() => outbox.snapshot().operations.length === 0);
  expect(idsSent()).toEqual(["a", "b"]);
  expect(outbox.snapshot().refused).toBe("No such candle.");
  expect(outcomes.map(({ state }) => state)).toEqual(["refused", "stored"]);
});

test("a missing key loses nothing: it waits, and says why", async () => {
  server.answer = (_, response) => problem(response, 401, "A key is needed.");
  const outbox = page({ pauses: 60_000 });
  outbox.add(annotate("a"));
  await until(() => outbox.snapshot().problem !== null);
  expect(outbox.snapshot().operations).toHaveLength(1);
  expect(warningOf(outbox.snapshot())).toBe("Not saved yet: A key is needed.");
});

test("what was under way when the page was closed is sent again with the same id", async () => {
  const answer = server.answer;
  server.answer = () => {};
  page().add(feedback("c1"));
  await until(() => server.seen.length === 1);
  close();
  server.answer = answer;
  const reopened = page();
  await until(() => reopened.snapshot().operations.length === 0);
  expect(idsSent()).toEqual(["c1", "c1"]);
});

test("what was done is written down before it is sent", async () => {
  let kept: string[] = [];
  server.answer = (_, response) => {
    kept = [...storage.values.values()];
    json(response, stored("a"), 201);
  };
  const outbox = page();
  outbox.add(annotate("a"));
  await until(() => outbox.snapshot().operations.length === 0);
  expect(kept).toHaveLength(1);
  expect(JSON.parse(kept[0] ?? "")).toMatchObject({ kind: "annotate", attempted: true });
});

test("what was never sent can be dropped, what the service may have cannot", async () => {
  server.answer = () => {};
  const outbox = page();
  const first = outbox.add(annotate("a"));
  const second = outbox.add(annotate("b"));
  await until(() => server.seen.length === 1);
  expect(outbox.drop(first.id)).toBe(false);
  expect(outbox.drop(second.id)).toBe(true);
  expect(outbox.snapshot().operations.map(({ id }) => id)).toEqual([first.id]);
});

test("a verdict taken back while it is under way is retracted by the id that its answer tells", async () => {
  const outbox = page();
  const { feedback: given } = feedback("c1");
  outbox.add(feedback("c1"));
  outbox.add({ kind: "retract_feedback", feedback: given, feedback_id: null, annotation_id: null });
  await until(() => outbox.snapshot().operations.length === 0);
  expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "POST /feedback",
    "DELETE /feedback/f1",
  ]);
});

test("a retraction that lost its id asks for it by the same client_id, which stores nothing twice", async () => {
  const { feedback: given } = feedback("c1");
  const outbox = page();
  outbox.add({ kind: "retract_feedback", feedback: given, feedback_id: null, annotation_id: null });
  await until(() => outbox.snapshot().operations.length === 0);
  expect(idsSent()).toEqual(["c1", "/feedback/f1"]);
});

test("to remove what is not there any more is done, not refused", async () => {
  server.answer = (_, response) => problem(response, 404, "Unknown annotation.");
  const outbox = page();
  outbox.add({ kind: "remove", annotation_id: "a", annotator: null });
  await until(() => outbox.snapshot().operations.length === 0);
  expect(outbox.snapshot().refused).toBeNull();
});

test("with the storage full annotating goes on, and it says that a reload would lose it", async () => {
  storage.isFull = true;
  server.answer = (_, response) => away(response);
  const outbox = page({ pauses: 60_000 });
  outbox.add(annotate("a"));
  await until(() => outbox.snapshot().problem !== null);
  expect(outbox.snapshot().operations).toHaveLength(1);
  expect(warningOf(outbox.snapshot())).toContain("cannot keep");
  server.answer = (_, response) => json(response, stored("a"), 201);
  outbox.wake();
  await until(() => outbox.snapshot().operations.length === 0);
  expect(warningOf(outbox.snapshot())).toBeNull();
});

test("two tabs send what one of them did once, in order", async () => {
  const locks = oneAtATime();
  const [first, second] = [page({ locks }), page({ locks })];
  first.add(annotate("a"));
  second.add(annotate("b"));
  first.wake();
  second.wake();
  await until(() => storage.length === 0);
  await pause(20);
  expect(idsSent()).toEqual(["a", "b"]);
});

test("what became of a deed is told in every tab", async () => {
  const locks = oneAtATime();
  const [first, second] = [page({ locks }), page({ locks })];
  const told: string[] = [];
  second.onOutcome(({ operation, state }) => told.push(`${operation.kind} ${state}`));
  first.add(feedback("c1"));
  await until(() => told.length > 0);
  expect(told).toEqual(["feedback stored"]);
  expect(second.snapshot().settled).toMatchObject([
    { stored: { feedback_id: "f1", annotation: { id: "a1" } } },
  ]);
  expect(server.seen).toHaveLength(1);
});

test("a clock that was set back does not change the order", async () => {
  server.answer = () => {};
  const future = `candleloop.outbox:EURUSD:1h:${String(Date.now() + 1e9).padStart(15, "0")}-aaaa`;
  const id = future.split(":").at(-1);
  storage.setItem(future, JSON.stringify({ ...annotate("a"), id, attempted: false }));
  const outbox = page();
  outbox.add(annotate("b"));
  const ids = outbox.snapshot().operations.map((one) => (one.kind === "annotate" ? one.annotation.id : ""));
  expect(ids).toEqual(["a", "b"]);
});

/** Locks as several tabs share them. */
function oneAtATime(): Locks {
  let last: Promise<unknown> = Promise.resolve();
  return {
    request: (_name, work) => {
      last = last.then(work, work);
      return last;
    },
  };
}
