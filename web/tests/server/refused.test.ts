import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CallName } from "../../candleloop/server/calls";
import { ask } from "./asking";
import { type FakeService, says, serviceThat } from "./service";

let service: FakeService;
beforeEach(async () => {
  service = await serviceThat(says({}));
});
afterEach(async () => {
  await service.close();
  vi.unstubAllEnvs();
});

async function refused(answer: Response, status: number): Promise<string> {
  const problem = await answer.json();
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(problem).toMatchObject({ status, detail: problem.error });
  expect(service.received).toEqual([]);
  return problem.error;
}

describe("an unknown name", () => {
  it("of a field is refused and named, with those that there are", async () => {
    const answer = await ask("POST /predict/batch", { body: '{"pair":"EURUSD","start":1}' });
    expect(await refused(answer, 422)).toBe(
      "$.start: found an unknown field, expected one of pair, timeframe, start_date, end_date. Leave it out.",
    );
  });

  it("has the type that the API gives to such", async () => {
    const answer = await ask("POST /model/load", { body: '{"run":"a"}' });
    expect(await answer.json()).toMatchObject({ type: "urn:candleloop:invalid-request" });
  });

  it.each(["__proto__", "constructor", "toString"])("%s is one", async (name) => {
    await refused(await ask("POST /predict", { body: `{"${name}":{}}` }), 422);
  });

  it("of a parameter is refused and named", async () => {
    const answer = await ask("GET /candles", { query: "?pair=EURUSD&timeframe=1h&limt=3" });
    expect(await refused(answer, 422)).toMatch(
      /^query\.limt: found an unknown parameter, expected one of pair, /,
    );
  });

  it("of a parameter is refused where the call has none", async () => {
    const answer = await ask("POST /predict", { query: "?since=1", body: "{}" });
    expect(await refused(answer, 422)).toContain("expected one of none");
  });

  it("is shown quoted and short", async () => {
    const answer = await ask("POST /predict", { body: JSON.stringify({ [`<b>\n${"x".repeat(5000)}`]: 1 }) });
    const error = await refused(answer, 422);
    expect(error).toContain('$."<b>\\n');
    expect(error.length).toBeLessThan(300);
  });

  it("passes where the contract lets every name in", async () => {
    const body = '{"model_type":"xgboost","stages.training.seed":1}';
    expect((await ask("POST /training/start", { body })).status).toBe(200);
    expect(service.received[0]?.body).toBe(body);
  });
});

describe("a body", () => {
  it.each([
    ["not JSON", "pair=EURUSD"],
    ["cut off", '{"pair":'],
    ["not UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
  ])("that is %s is refused", async (_, body) => {
    expect(await refused(await ask("POST /predict", { body }), 422)).toContain("found no JSON in UTF-8");
  });

  it.each(["[]", "null", "1", ""])("%j is judged by the API itself", async (body) => {
    await ask("POST /training/build-dataset", { body });
    expect(service.received[0]?.body).toBe(body);
  });

  it("above INFERENCE_MAX_BODY is refused by its length at once", async () => {
    vi.stubEnv("INFERENCE_MAX_BODY", "100");
    const pulled = vi.fn();
    const endless = new ReadableStream({ pull: pulled }, { highWaterMark: 0 });
    const answer = await ask("POST /predict", { body: endless, headers: { "Content-Length": "101" } });
    expect(await refused(answer, 413)).toContain("found more than 100 bytes");
    expect(pulled).not.toHaveBeenCalled();
  });

  it("that names no length, or a wrong one, is read no further than that", async () => {
    vi.stubEnv("INFERENCE_MAX_BODY", "100");
    let pieces = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pieces += 1;
        controller.enqueue(new Uint8Array(40));
      },
    });
    await refused(await ask("POST /predict", { body: endless, headers: { "Content-Length": "3" } }), 413);
    expect(pieces).toBeLessThan(10);
  });

  it("of exactly INFERENCE_MAX_BODY passes", async () => {
    const body = JSON.stringify({ pair: "x".repeat(80) });
    vi.stubEnv("INFERENCE_MAX_BODY", String(body.length));
    expect((await ask("POST /predict", { body })).status).toBe(200);
  });
});

describe("a foreign page", () => {
  const WRITES: CallName[] = ["POST /predict", "POST /annotations", "DELETE /feedback/{feedback_id}"];
  const params = { feedback_id: "a" };
  const send = (name: CallName, headers: Record<string, string>) =>
    ask(name, { headers, params, ...(name.startsWith("POST") ? { body: "{}" } : {}) });

  it.each(WRITES)("is refused by its Origin at %s", async (name) => {
    for (const origin of ["http://evil.example", "http://127.0.0.1:8080", "null", "no address"])
      await refused(await send(name, { Origin: origin }), 403);
  });

  it.each(WRITES)("is refused by Sec-Fetch-Site at %s", async (name) => {
    await refused(await send(name, { "Sec-Fetch-Site": "cross-site" }), 403);
  });

  it("is not one of this host, nor of the name that a proxy in front goes by", async () => {
    const own = { Origin: "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-origin" };
    expect((await send("POST /predict", own)).status).toBe(200);
    const behind = { Origin: "https://chart.example", "X-Forwarded-Host": "chart.example" };
    expect((await send("POST /predict", behind)).status).toBe(200);
  });

  it("may follow a link to what is only read", async () => {
    expect((await send("GET /models", { "Sec-Fetch-Site": "cross-site" })).status).toBe(200);
  });
});
