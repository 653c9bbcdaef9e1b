import { afterEach, beforeEach, expect, test } from "vitest";
import { call, isAbort, ServiceError } from "@/candleloop/client/call";
import { endpointsOf } from "@/candleloop/client/endpoints";
import { away, json, problem, serve, type TestServer } from "./http";

let server: TestServer;

beforeEach(async () => {
  server = await serve((_, response) => json(response, { fine: true }));
});

afterEach(() => server.close());

async function errorOf(asked: Promise<unknown>): Promise<ServiceError> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ServiceError)) throw new Error(`Found ${String(error)}, expected a ServiceError.`);
  return error;
}

test("an answer is its JSON, and the query leaves out what is not given", async () => {
  const query = { pair: "EUR/USD", after: null };
  expect(await call(server.base, "/candles", { query })).toEqual({ fine: true });
  expect(server.seen[0]?.path).toBe("/candles?pair=EUR%2FUSD");
});

test("a refusal has the service's words, its status and the run in the way", async () => {
  server.answer = (_, response) => problem(response, 409, "A training is active.", { run_id: "r1" });
  const error = await errorOf(call(server.base, "/training/start", { method: "POST", body: {} }));
  expect(error).toMatchObject({
    message: "A training is active.",
    failure: "refused",
    status: 409,
    run_id: "r1",
  });
});

test("a service that is busy says when to come back", async () => {
  server.answer = (_, response) => problem(response, 429, "Too many.", {}, { "Retry-After": "7" });
  const error = await errorOf(call(server.base, "/predict"));
  expect(error).toMatchObject({ failure: "later", retry_after_s: 7 });
});

test("no model loaded is not the same as the service being away", async () => {
  server.answer = (_, response) => problem(response, 503, "No model is loaded.");
  expect(await errorOf(call(server.base, "/model/info"))).toMatchObject({
    failure: "later",
    message: "No model is loaded.",
  });
});

test("the proxy's word that the service is away, a bare gateway error and silence are one", async () => {
  server.answer = (_, response) => away(response);
  expect((await errorOf(call(server.base, "/health"))).failure).toBe("away");
  server.answer = (_, response) => {
    response.writeHead(502).end("<html>Bad gateway</html>");
  };
  expect((await errorOf(call(server.base, "/health"))).failure).toBe("away");
  await server.close();
  const silent = await errorOf(call(server.base, "/health"));
  expect(silent).toMatchObject({ failure: "away", status: 0, message: "Inference service unavailable" });
});

test("a missing key is neither a refusal of what was sent nor the service being away", async () => {
  server.answer = (_, response) => problem(response, 401, "A key is needed.");
  expect((await errorOf(call(server.base, "/feedback"))).failure).toBe("forbidden");
});

test("a call that its caller ends is an abort and no failure of the service", async () => {
  server.answer = () => {};
  const ending = new AbortController();
  const asked = call(server.base, "/predict", { signal: ending.signal }).catch((error: unknown) => error);
  ending.abort();
  expect(isAbort(await asked)).toBe(true);
});

test("calls in vain are told of, the health itself is not", async () => {
  server.answer = (_, response) => away(response);
  let told = 0;
  const endpoints = endpointsOf(server.base, () => {
    told += 1;
  });
  await errorOf(endpoints.health());
  expect(told).toBe(0);
  await errorOf(endpoints.models());
  expect(told).toBe(1);
});
