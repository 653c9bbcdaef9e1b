import { NextRequest } from "next/server";
import { afterEach, expect, it, vi } from "vitest";
import { proxy } from "../../proxy";

afterEach(() => vi.unstubAllEnvs());

const asUnder = (host: string) =>
  proxy(new NextRequest("http://127.0.0.1:3000/", { headers: { Host: host } }));

it.each(["127.0.0.1", "127.0.0.1:3000", "localhost", "LOCALHOST:9", "[::1]", "[::1]:3000"])(
  "a request under the name %s goes on",
  (host) => {
    expect(asUnder(host)).toBeUndefined();
  },
);

it.each([
  "evil.example",
  "127.0.0.1.evil.example",
  "localhost@evil.example",
  "192.168.0.7:3000",
  "localhost:x",
])("a request under the name %s is refused", async (host) => {
  const answer = asUnder(host);
  expect(answer?.status).toBe(403);
  expect(await answer?.text()).toContain("CANDLELOOP_WEB_HOSTS");
});

it("a request without a name is refused", () => {
  expect(proxy(new NextRequest("http://127.0.0.1:3000/"))?.status).toBe(403);
});

it("CANDLELOOP_WEB_HOSTS adds names, on any port", () => {
  vi.stubEnv("CANDLELOOP_WEB_HOSTS", "chart.example, 192.168.0.7,");
  expect(asUnder("Chart.example:8443")).toBeUndefined();
  expect(asUnder("192.168.0.7:3000")).toBeUndefined();
  expect(asUnder("other.example")?.status).toBe(403);
});
