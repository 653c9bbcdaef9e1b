import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROUTES = fileURLToPath(new URL("../../app/api/", import.meta.url));
const CALLS = fileURLToPath(new URL("../../candleloop/server/calls.ts", import.meta.url));

it("every call has one route, at its own path, and every route is a call's", () => {
  const files = readdirSync(ROUTES, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith("route.ts"),
  );
  const routed = files.flatMap((file) => {
    const path = file.slice(0, -"/route.ts".length).replaceAll("[", "{").replaceAll("]", "}");
    const found = readFileSync(`${ROUTES}/${file}`, "utf8").matchAll(
      /export const (\w+) = forwarded\("(.+)"\);/g,
    );
    return [...found].map(([, method, name]) => {
      expect(name).toBe(`${method} /${path}`);
      return name;
    });
  });
  const known = [...readFileSync(CALLS, "utf8").matchAll(/^ {2}\| "(.+?)";?$/gm)].map(([, name]) => name);
  expect(routed.sort()).toEqual(known.sort());
  expect(known.length).toBeGreaterThan(20);
});
