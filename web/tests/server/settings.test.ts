import { expect, it } from "vitest";
import { InvalidSetting, readSettings } from "../../candleloop/server/settings";

it("has the contract's defaults for what is unset or empty", () => {
  const defaults = {
    url: "http://127.0.0.1:8001",
    timeout_ms: 30_000,
    batch_timeout_ms: 120_000,
    max_body_bytes: 16 * 1024 * 1024,
    key: null,
    enabled: true,
  };
  expect(readSettings({})).toEqual(defaults);
  expect(readSettings({ INFERENCE_API_URL: "", INFERENCE_API_TIMEOUT: " ", INFERENCE_API_KEY: "" })).toEqual(
    defaults,
  );
});

it.each([
  ["INFERENCE_API_URL", "localhost:8001"],
  ["INFERENCE_API_URL", "ftp://host"],
  ["INFERENCE_API_URL", "http://host/?key=1"],
  ["INFERENCE_API_URL", "http://me:secret@host"],
  ["INFERENCE_API_TIMEOUT", "30s"],
  ["INFERENCE_API_TIMEOUT", "0"],
  ["INFERENCE_BATCH_TIMEOUT", "-1"],
  ["INFERENCE_BATCH_TIMEOUT", "300001"],
  ["INFERENCE_MAX_BODY", "1e6"],
  ["INFERENCE_MAX_BODY", "99999999999"],
  ["INFERENCE_API_KEY", "secret\nX-Other: 1"],
  ["NEXT_PUBLIC_PREDICTIONS_ENABLED", "maybe"],
])("refuses %s=%j and names it", (name, value) => {
  const read = () => readSettings({ [name]: value });
  expect(read).toThrow(InvalidSetting);
  expect(read).toThrow(new RegExp(`^${name}: found .*, expected .*\\. Set it`));
  expect(read).not.toThrow(/secret/);
});
