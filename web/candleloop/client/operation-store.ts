/** Keeps operations over reloads, each under its own key, so that two tabs never overwrite each other's. */

import type { Series } from "../types";
import type { Deed, Operation } from "./operations";

/** What is needed of `localStorage`. */
export type KeyValues = Pick<Storage, "length" | "key" | "getItem" | "setItem" | "removeItem">;

const PREFIX = "candleloop.outbox";

/** Returns the browser's storage; null where there is none or it is switched off. */
export function browserStorage(): KeyValues | null {
  try {
    return typeof window === "undefined" ? null : window.localStorage;
  } catch {
    return null;
  }
}

/** Returns the series of which operations are kept. */
export function seriesKept(storage: KeyValues | null): Series[] {
  const found = new Map<string, Series>();
  for (const key of keysOf(storage, `${PREFIX}:`)) {
    const [, pair, timeframe] = key.split(":").map(decodeURIComponent);
    if (pair !== undefined && timeframe !== undefined) found.set(`${pair}:${timeframe}`, { pair, timeframe });
  }
  return [...found.values()];
}

/** The operations of one series in their order; in memory where storage fails. */
export class OperationStore {
  readonly prefix: string;
  private readonly unkept = new Map<string, Operation>();
  private readonly removed = new Set<string>();
  private last = 0;

  constructor(
    { pair, timeframe }: Series,
    private readonly storage: KeyValues | null,
  ) {
    this.prefix = `${PREFIX}:${encodeURIComponent(pair)}:${encodeURIComponent(timeframe)}:`;
  }

  /** Whether all would be there after a reload. */
  get isKept(): boolean {
    return this.unkept.size === 0;
  }

  all(): Operation[] {
    const found = new Map<string, Operation>();
    for (const key of keysOf(this.storage, this.prefix)) {
      const operation = this.read(key);
      if (operation !== null && !this.removed.has(operation.id)) found.set(operation.id, operation);
    }
    for (const [id, operation] of this.unkept) found.set(id, operation);
    return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  add(deed: Deed): Operation {
    const operation: Operation = { ...deed, id: this.nextId(), attempted: false };
    this.put(operation);
    return operation;
  }

  put(operation: Operation): void {
    try {
      if (this.storage === null) throw new Error("no storage");
      this.storage.setItem(this.prefix + operation.id, JSON.stringify(operation));
      this.unkept.delete(operation.id);
    } catch {
      // Storage is full or switched off: annotating goes on, and `isKept` says so.
      this.unkept.set(operation.id, operation);
    }
  }

  remove(id: string): void {
    this.unkept.delete(id);
    try {
      this.storage?.removeItem(this.prefix + id);
    } catch {
      this.removed.add(id);
    }
  }

  /** Later than all that is there, also where the clock was set back, and unlike any other tab's. */
  private nextId(): string {
    const newest = this.all().at(-1)?.id.split("-")[0] ?? "0";
    this.last = Math.max(Date.now(), this.last + 1, Number.parseInt(newest, 10) + 1);
    return `${String(this.last).padStart(15, "0")}-${randomId().slice(0, 8)}`;
  }

  private read(key: string): Operation | null {
    try {
      const parsed: unknown = JSON.parse(this.storage?.getItem(key) ?? "null");
      // Only this class writes under these keys; what lacks the marks of it is left alone.
      return typeof parsed === "object" && parsed !== null && "kind" in parsed && "id" in parsed
        ? (parsed as Operation)
        : null;
    } catch {
      return null;
    }
  }
}

/** Returns an id that nothing else has, also where the page is not served over HTTPS. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function keysOf(storage: KeyValues | null, prefix: string): string[] {
  const keys: string[] = [];
  try {
    for (let index = 0; index < (storage?.length ?? 0); index += 1) {
      const key = storage?.key(index) ?? "";
      if (key.startsWith(prefix)) keys.push(key);
    }
  } catch {
    return [];
  }
  return keys;
}
