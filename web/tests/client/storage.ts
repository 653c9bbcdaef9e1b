/** Storage as a browser has it, in memory, that may be made to fail. */

import type { KeyValues } from "@/candleloop/client/operation-store";

export class TestStorage implements KeyValues {
  readonly values = new Map<string, string>();
  isFull = false;

  get length(): number {
    return this.values.size;
  }

  key(index: number): string | null {
    return [...this.values.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (this.isFull) throw new DOMException("full", "QuotaExceededError");
    this.values.set(key, value);
  }

  removeItem(key: string): void {
    this.values.delete(key);
  }
}
