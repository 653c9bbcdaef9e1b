import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ask, until } from "./asking";
import { type FakeService, serviceThat } from "./service";

const ASKED = { body: '{"pair":"EURUSD","timeframe":"1h"}', headers: { Accept: "application/x-ndjson" } };
let service: FakeService;
let stream: ServerResponse | null = null;

beforeEach(async () => {
  stream = null;
  service = await serviceThat((response) => {
    response.writeHead(200, { "Content-Type": "application/x-ndjson" });
    response.flushHeaders();
    stream = response;
  });
});
afterEach(async () => {
  await service.close();
  vi.unstubAllEnvs();
});

async function begun(signal?: AbortSignal) {
  const answer = await ask("POST /predict/batch", { ...ASKED, signal });
  const reader = answer.body?.getReader();
  if (!reader || !stream) throw new Error("no stream has begun");
  const next = async () => {
    const { done, value } = await reader.read();
    return done ? null : new TextDecoder().decode(value);
  };
  return { answer, reader, next, upstream: stream };
}

it("passes each piece on when it is there, and the wish for lines to the service", async () => {
  const { answer, next, upstream } = await begun();
  expect(service.received[0]?.headers.accept).toBe("application/x-ndjson");
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
  expect(answer.headers.get("cache-control")).toContain("no-transform");
  upstream.write('{"type":"start"}\n');
  expect(await next()).toBe('{"type":"start"}\n');
  upstream.write('{"type":"part"}\n');
  expect(await next()).toBe('{"type":"part"}\n');
  upstream.end('{"type":"end"}\n');
  expect(await next()).toBe('{"type":"end"}\n');
  expect(await next()).toBeNull();
});

it("joins a line that comes in pieces, and gives the last one without a line's end", async () => {
  const { next, upstream } = await begun();
  upstream.write('{"type":');
  await new Promise((resolve) => setTimeout(resolve, 20));
  upstream.write('"start"}\n{"type"');
  expect(await next()).toBe('{"type":"start"}\n');
  upstream.end(':"end"}');
  expect(await next()).toBe('{"type":"end"}');
  expect(await next()).toBeNull();
});

it("ends a stream that breaks off with an error line of its own, without the half line before", async () => {
  const { next, upstream } = await begun();
  upstream.write('{"type":"start"}\n{"type":"par');
  expect(await next()).toBe('{"type":"start"}\n');
  upstream.destroy();
  const line = (await next()) ?? "";
  expect(line.endsWith("\n")).toBe(true);
  expect(JSON.parse(line)).toMatchObject({
    type: "error",
    problem: { status: 503, error: expect.stringContaining("broke off") },
  });
  expect(await next()).toBeNull();
});

it("counts the time limit from the last piece, and ends a silent stream in the contract's words", async () => {
  vi.stubEnv("INFERENCE_BATCH_TIMEOUT", "150");
  const { next, upstream } = await begun();
  for (const piece of [1, 2, 3, 4]) {
    await new Promise((resolve) => setTimeout(resolve, 70));
    upstream.write(`{"type":"part","piece":${piece}}\n`);
    expect(await next()).toContain(`"piece":${piece}`);
  }
  expect(JSON.parse((await next()) ?? "")).toMatchObject({
    type: "error",
    problem: { type: "about:blank", status: 504, error: "Batch prediction timed out" },
  });
  expect(await next()).toBeNull();
  await until(() => service.left() === 1);
});

it("does not count the time that the client takes", async () => {
  vi.stubEnv("INFERENCE_BATCH_TIMEOUT", "150");
  const { next, upstream } = await begun();
  for (const piece of [1, 2, 3]) {
    upstream.write(`{"piece":${piece}}\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  upstream.end('{"type":"end"}\n');
  let told = "";
  for (let piece = await next(); piece !== null; piece = await next()) told += piece;
  expect(told).toBe('{"piece":1}\n{"piece":2}\n{"piece":3}\n{"type":"end"}\n');
});

it("gives the service up when the client has gone", async () => {
  const client = new AbortController();
  await begun(client.signal);
  client.abort();
  await until(() => service.left() === 1);
});

it("gives the service up when the stream is cancelled", async () => {
  const { reader } = await begun();
  await reader.cancel();
  await until(() => service.left() === 1);
});
