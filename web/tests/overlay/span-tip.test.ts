// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { SpanTip } from "@/candleloop/overlay";
import { spanOver } from "./fakes";

function tipIn(parent: HTMLElement): HTMLElement {
  const [tip] = parent.querySelectorAll<HTMLElement>("[data-span-tip]");
  if (tip === undefined) throw new Error("no tip");
  return tip;
}

test("the tip tells a span's label and lines, and hides without one", () => {
  const parent = document.createElement("div");
  const tip = new SpanTip(parent);
  expect(tipIn(parent).hidden).toBe(true);
  tip.tell(spanOver(1, 2, { hover: ["By ada", "clear"] }), 10, 10);
  expect(tipIn(parent).hidden).toBe(false);
  expect(tipIn(parent).textContent).toBe("Flag\nBy ada\nclear");
  tip.tell(null, 0, 0);
  expect(tipIn(parent).hidden).toBe(true);
});

test("what people wrote is text, never markup", () => {
  const parent = document.createElement("div");
  new SpanTip(parent).tell(
    spanOver(1, 2, { tag: "<b>x</b>", hover: ["<img src=x onerror=alert(1)>"] }),
    10,
    10,
  );
  expect(tipIn(parent).querySelector("b, img")).toBeNull();
  expect(tipIn(parent).textContent).toContain("<img src=x onerror=alert(1)>");
});

test("the tip stays inside its chart", () => {
  const parent = document.createElement("div");
  Object.defineProperties(parent, { clientWidth: { value: 300 }, clientHeight: { value: 200 } });
  const tip = new SpanTip(parent);
  const element = tipIn(parent);
  Object.defineProperties(element, { offsetWidth: { value: 120 }, offsetHeight: { value: 60 } });
  tip.tell(spanOver(1, 2), 290, 190);
  expect([element.style.left, element.style.top]).toEqual(["154px", "136px"]);
  tip.tell(spanOver(1, 2), 10, 10);
  expect([element.style.left, element.style.top]).toEqual(["26px", "26px"]);
});

test("nothing of the tip stays behind", () => {
  const parent = document.createElement("div");
  new SpanTip(parent).remove();
  expect(parent.children).toHaveLength(0);
});
