/** Labels with the key that chooses each: its own where that is free, else a digit. */

import type { Label } from "@/candleloop/types";

export interface Choice {
  name: string;
  color: string;
  key: string | null;
}

const DIGITS = "1234567890";

/**
 * The labels that people give, in the order of how often they do, each with a key of its own.
 *
 * TA-Lib's labels are left out unless somebody gave one; `taken` are keys that do something else.
 */
export function paletteOf(labels: readonly Label[], taken: ReadonlySet<string>): Choice[] {
  const given = labels
    .filter(({ state, people, talib }) => state === "in use" && (people > 0 || talib === 0))
    .sort((a, b) => b.people - a.people || a.name.localeCompare(b.name));
  const used = new Set(taken);
  const own = new Map<string, string>();
  for (const { name, key } of given) {
    if (key === null || used.has(key)) continue;
    used.add(key);
    own.set(name, key);
  }
  const free = [...DIGITS].filter((digit) => !used.has(digit));
  return given.map(({ name, color }) => ({ name, color, key: own.get(name) ?? free.shift() ?? null }));
}
