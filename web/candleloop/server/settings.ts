/** What the server's environment says about the inference service; it is read at each request. */

export interface Settings {
  /** Without a slash at its end. */
  url: string;
  timeout_ms: number;
  batch_timeout_ms: number;
  max_body_bytes: number;
  key: string | null;
  enabled: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** fetch gives up by itself after five minutes without an answer. */
const LONGEST_MS = 300_000;
const MEBIBYTE = 1024 * 1024;
/** As much of a body as Next.js lets through beside a `proxy.ts`: see `proxyClientMaxBodySize` in next.config.ts. */
const LARGEST_BODY = 64 * MEBIBYTE;

/** A variable of the environment whose value cannot be used; the message names it. */
export class InvalidSetting extends Error {}

/** The settings, with the defaults for what is unset. */
export function readSettings(environment: Environment): Settings {
  return {
    url: urlOf(environment),
    timeout_ms: numberOf(environment, "INFERENCE_API_TIMEOUT", 30_000, LONGEST_MS),
    batch_timeout_ms: numberOf(environment, "INFERENCE_BATCH_TIMEOUT", 120_000, LONGEST_MS),
    max_body_bytes: numberOf(environment, "INFERENCE_MAX_BODY", 16 * MEBIBYTE, LARGEST_BODY),
    key: keyOf(environment),
    enabled: switchOf(environment, "NEXT_PUBLIC_PREDICTIONS_ENABLED"),
  };
}

function urlOf(environment: Environment): string {
  const text = environment.INFERENCE_API_URL?.trim() || "http://127.0.0.1:8001";
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && !url.username && !url.password && !url.search && !url.hash;
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    // The value is not shown: whoever writes a password into it should not find it in an answer.
    throw new InvalidSetting(
      "INFERENCE_API_URL: found something else than a plain http or https address, " +
        "expected such as http://127.0.0.1:8001. Set it so and start again.",
    );
  }
  return url.href.replace(/\/+$/, "");
}

function numberOf(environment: Environment, name: string, fallback: number, most: number): number {
  const text = environment[name]?.trim() || String(fallback);
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) {
    throw new InvalidSetting(
      `${name}: found ${JSON.stringify(text)}, expected a whole number from 1 to ${most}. ` +
        `Set it to such as ${fallback} and start again.`,
    );
  }
  return value;
}

function keyOf(environment: Environment): string | null {
  const key = environment.INFERENCE_API_KEY?.trim() || null;
  if (key !== null && !/^[\x21-\x7e]+$/.test(key)) {
    throw new InvalidSetting(
      "INFERENCE_API_KEY: found characters that no header may hold, expected the key as `candleloop keys` gave it. " +
        "Set it so and start again.",
    );
  }
  return key;
}

function switchOf(environment: Environment, name: string): boolean {
  const text = environment[name]?.trim().toLowerCase() || "true";
  if (!["true", "1", "false", "0"].includes(text)) {
    throw new InvalidSetting(
      `${name}: found ${JSON.stringify(text)}, expected true or false. Set it so, build and start again.`,
    );
  }
  return text === "true" || text === "1";
}
