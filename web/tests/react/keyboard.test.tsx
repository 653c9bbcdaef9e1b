// @vitest-environment happy-dom
// @vitest-environment-options { "settings": { "fetch": { "disableSameOriginPolicy": true } } }

import { expect, test } from "vitest";
import { actionOf, KEY_BINDINGS, type KeyPress } from "@/candleloop/react/keyboard";
import { readSettings } from "@/candleloop/react/use-settings";

function press(key: string, more: Partial<KeyPress> = {}): KeyPress {
  const none = { ctrlKey: false, altKey: false, metaKey: false, repeat: false, defaultPrevented: false };
  return { ...none, key, target: document.body, ...more };
}

test("each key of the help does what it says, in either case", () => {
  for (const { key, action } of KEY_BINDINGS) {
    expect(actionOf(press(key))).toBe(action);
    expect(actionOf(press(key.toUpperCase()))).toBe(action);
  }
  expect(new Set(KEY_BINDINGS.map(({ key }) => key)).size).toBe(KEY_BINDINGS.length);
});

test("keys rest with Ctrl, Alt or Meta, and where somebody else took them", () => {
  for (const name of ["ctrlKey", "altKey", "metaKey", "defaultPrevented"]) {
    expect(actionOf(press("y", { [name]: true }))).toBeNull();
  }
});

test.each(["input", "textarea", "select"])("keys rest while typing in %s", (name) => {
  expect(actionOf(press("y", { target: document.createElement(name) }))).toBeNull();
});

test.each(["checkbox", "radio", "range"])("keys do not rest on a %s, which takes no letters", (type) => {
  const target = document.createElement("input");
  target.setAttribute("type", type);
  expect(actionOf(press("y", { target }))).toBe("confirm");
});

test("a held key steps on, but says and asks nothing again", () => {
  expect(actionOf(press("j", { repeat: true }))).toBe("next");
  for (const key of ["y", "x", "u", "p"]) expect(actionOf(press(key, { repeat: true }))).toBeNull();
});

test("settings that were kept are read, and what is spoilt is as at the start", () => {
  const kept = JSON.stringify({ threshold: 0.9, shown: "no", hidden_labels: ["flag"], patterns: [1] });
  expect(readSettings(kept)).toEqual({
    shown: true,
    threshold: 0.9,
    hidden_labels: ["flag"],
    only_disagreements: false,
    auto_predict: false,
    patterns: [],
  });
  for (const spoilt of ["{", "null", "7", '{"threshold": 70}']) {
    expect(readSettings(spoilt).threshold).toBe(0.7);
  }
});
