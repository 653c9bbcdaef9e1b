import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ask, until } from "./asking";
import { type Behaviour, type FakeService, isSilent, says, serviceThat } from "./service";

let service: FakeService | null = null;
const start = async (behave: Behaviour) => {
  service = await serviceThat(behave);
  return service;
};

beforeEach(() => {
  for (const name of ["API_TIMEOUT", "BATCH_TIMEOUT", "MAX_BODY", "API_KEY"])
    vi.stubEnv(`INFERENCE_${name}`, undefined);
  vi.stubEnv("NEXT_PUBLIC_PREDICTIONS_ENABLED", undefined);
});
afterEach(async () => {
  await service?.close();
  service = null;
  vi.unstubAllEnvs();
});

const CHART = JSON.stringify({ pair: "EURUSD", timeframe: "1h", candles: [] });

describe("what reaches the service", () => {
  it("is method, path, query and body as they were sent", async () => {
    const { received } = await start(says({ spans: [] }));
    const answer = await ask("POST /predict", { body: CHART });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ spans: [] });
    await ask("GET /queue", { query: "?pair=EUR%2FUSD&timeframe=1h&labels=a&labels=b%26c" });
    expect(received.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", "/predict", CHART],
      ["GET", "/queue?pair=EUR%2FUSD&timeframe=1h&labels=a&labels=b%26c", ""],
    ]);
    expect(received[0]?.headers["content-type"]).toBe("application/json");
  });

  it("has no body where the call has none", async () => {
    const { received } = await start(says({}));
    await ask("POST /training/runs/{run_id}/cancel", { params: { run_id: "5e23" }, body: "anything" });
    expect(received[0]).toMatchObject({ url: "/training/runs/5e23/cancel", body: "" });
  });

  it.each([
    ["a/b c", "/annotations/a%2Fb%20c"],
    ["100%", "/annotations/100%25"],
    ["%2e%2e", "/annotations/%252e%252e"],
    ["../models?x#y", "/annotations/..%2Fmodels%3Fx%23y"],
    ["größe", "/annotations/gr%C3%B6%C3%9Fe"],
  ])("has the id %j encoded once, as one segment", async (id, path) => {
    const { received } = await start(says({}));
    await ask("DELETE /annotations/{annotation_id}", { params: { annotation_id: id } });
    expect(received[0]?.url).toBe(path);
  });

  it.each([".", "..", "\ud800"])("is nothing for the id %j, which cannot stand in an address", async (id) => {
    const { received } = await start(says({}));
    const answer = await ask("DELETE /annotations/{annotation_id}", { params: { annotation_id: id } });
    expect(answer.status).toBe(404);
    expect(received).toEqual([]);
  });

  it("has the key of the server, and nothing of what the browser holds", async () => {
    vi.stubEnv("INFERENCE_API_KEY", "clk_secret");
    const { received } = await start(says({}));
    const own = { Authorization: "Bearer mine", Cookie: "session=1", "X-API-Key": "mine", "X-Other": "mine" };
    await ask("GET /models", { headers: own });
    expect(received[0]?.headers.authorization).toBe("Bearer clk_secret");
    expect(JSON.stringify(received[0]?.headers)).not.toMatch(/mine|session/);
    vi.stubEnv("INFERENCE_API_KEY", "");
    await ask("GET /models", { headers: own });
    expect(received[1]?.headers).not.toHaveProperty("authorization");
  });

  it("goes below the path of INFERENCE_API_URL", async () => {
    const { received, url } = await start(says({}));
    vi.stubEnv("INFERENCE_API_URL", `${url}/inference/`);
    await ask("GET /health");
    expect(received[0]?.url).toBe("/inference/health");
  });
});

describe("an error of the service", () => {
  it("keeps status, body and the headers that say something", async () => {
    const problem = {
      type: "urn:candleloop:conflict",
      title: "Conflict",
      status: 409,
      detail: "d",
      error: "d",
    };
    const headers = {
      "Content-Type": "application/problem+json",
      "Retry-After": "7",
      Allow: "GET",
      "Set-Cookie": "a=b",
    };
    await start(says({ ...problem, run_id: "5e23" }, 409, headers));
    const answer = await ask("POST /training/start", { body: "{}" });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toEqual({ ...problem, run_id: "5e23" });
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect([answer.headers.get("retry-after"), answer.headers.get("allow")]).toEqual(["7", "GET"]);
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it("that is no JSON becomes a problem with its status and its text, never a page", async () => {
    await start((response, _, count) => {
      const kind = count === 1 ? "text/html" : "text/plain; charset=utf-8";
      response.writeHead(502, { "Content-Type": kind, "Retry-After": "3" }).end("upstream is <b>away</b>");
    });
    const page = await ask("GET /models");
    expect(page.status).toBe(502);
    expect(page.headers.get("content-type")).toBe("application/problem+json");
    expect(await page.json()).toMatchObject({ error: "The inference service answered 502 Bad Gateway" });
    const text = await ask("GET /models");
    expect(text.headers.get("retry-after")).toBe("3");
    expect(await text.json()).toMatchObject({ status: 502, error: "upstream is <b>away</b>" });
  });

  it("that is a redirect is not followed, so that the key stays where it belongs", async () => {
    vi.stubEnv("INFERENCE_API_KEY", "clk_secret");
    const { received } = await start((response) => response.writeHead(307, { Location: "/elsewhere" }).end());
    const answer = await ask("GET /models");
    expect(answer.status).toBe(502);
    expect(received).toHaveLength(1);
  });

  it("204 is passed on without a body", async () => {
    await start((response) => response.writeHead(204).end());
    const answer = await ask("DELETE /feedback/{feedback_id}", { params: { feedback_id: "ab" } });
    expect([answer.status, answer.body]).toEqual([204, null]);
  });
});

describe("a service that is away or slow", () => {
  it("is 503 in the contract's words", async () => {
    const { close } = await start(says({}));
    await close();
    const answer = await ask("GET /model/info");
    expect(answer.status).toBe(503);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toEqual({
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      detail: "Inference service unavailable",
      error: "Inference service unavailable",
    });
  });

  it("is 504 after INFERENCE_API_TIMEOUT, and the request is given up", async () => {
    vi.stubEnv("INFERENCE_API_TIMEOUT", "60");
    const { left } = await start(isSilent);
    const answer = await ask("POST /predict", { body: CHART });
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ error: "Inference service timed out" });
    await until(() => left() === 1);
  });

  it("is 504 as well where only the body does not come", async () => {
    vi.stubEnv("INFERENCE_API_TIMEOUT", "60");
    await start((response) => response.writeHead(200, { "Content-Type": "application/json" }).write("{"));
    expect((await ask("GET /models")).status).toBe(504);
  });

  it("has INFERENCE_BATCH_TIMEOUT for a batch, and the contract's words", async () => {
    vi.stubEnv("INFERENCE_API_TIMEOUT", "10");
    vi.stubEnv("INFERENCE_BATCH_TIMEOUT", "120");
    await start((response, received, count) => {
      if (count === 1) setTimeout(() => says({ candle_count: 1 })(response, received, count), 50);
    });
    const body = JSON.stringify({ pair: "EURUSD", timeframe: "1h" });
    expect((await ask("POST /predict/batch", { body })).status).toBe(200);
    const slow = await ask("POST /predict/batch", { body });
    expect(slow.status).toBe(504);
    expect(await slow.json()).toMatchObject({ error: "Batch prediction timed out" });
  });

  it("hears at once that the client has gone", async () => {
    const { received, left } = await start(isSilent);
    const client = new AbortController();
    const asked = ask("POST /predict", { body: CHART, signal: client.signal });
    await until(() => received.length === 1);
    client.abort();
    expect((await asked).status).toBe(499);
    await until(() => left() === 1);
  });
});

describe("a connection that is cut", () => {
  const cutFirst: Behaviour = (response, received, count) => {
    if (count === 1) response.destroy();
    else says({ count })(response, received, count);
  };

  it.each(["GET /models", "POST /predict", "POST /predict/batch", "POST /patterns/detect"] as const)(
    "does not show for %s, which changes nothing",
    async (name) => {
      const { received } = await start(cutFirst);
      const answer = await ask(name, name.startsWith("GET") ? {} : { body: "{}" });
      expect(await answer.json()).toEqual({ count: 2 });
      expect(received).toHaveLength(2);
    },
  );

  it.each(["POST /feedback", "POST /training/start", "POST /model/load"] as const)(
    "is 503 for %s, which may have been taken",
    async (name) => {
      const { received } = await start(cutFirst);
      expect((await ask(name, { body: "{}" })).status).toBe(503);
      expect(received).toHaveLength(1);
    },
  );

  it("is 503 where it is cut a second time", async () => {
    const { received } = await start((response) => response.destroy());
    expect((await ask("GET /models")).status).toBe(503);
    expect(received).toHaveLength(2);
  });
});

describe("the switch", () => {
  it.each(["false", "0", " False "])("is off at %j, and nothing is asked", async (value) => {
    const { received } = await start(says({}));
    vi.stubEnv("NEXT_PUBLIC_PREDICTIONS_ENABLED", value);
    const answer = await ask("GET /health");
    expect(answer.status).toBe(404);
    expect((await answer.json()).error).toContain("NEXT_PUBLIC_PREDICTIONS_ENABLED");
    expect(received).toEqual([]);
  });

  it("leaves candles, labels and annotations, which annotating needs", async () => {
    await start(says([]));
    vi.stubEnv("NEXT_PUBLIC_PREDICTIONS_ENABLED", "false");
    for (const call of ["GET /candles", "GET /labels", "GET /annotations"] as const) {
      expect((await ask(call)).status).toBe(200);
    }
  });

  it.each(["true", "1", ""])("is on at %j", async (value) => {
    await start(says({}));
    vi.stubEnv("NEXT_PUBLIC_PREDICTIONS_ENABLED", value);
    expect((await ask("GET /health")).status).toBe(200);
  });
});

it("a setting that cannot be used is a 500 that names it, also in the log, and never shows the key", async () => {
  const log = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.stubEnv("INFERENCE_API_KEY", "two words");
  const answer = await ask("GET /health");
  expect(answer.status).toBe(500);
  const { error } = await answer.json();
  expect(error).toMatch(/^INFERENCE_API_KEY: found characters/);
  expect(error).not.toContain("two words");
  expect(log).toHaveBeenCalledWith(`${error}\n`);
});
