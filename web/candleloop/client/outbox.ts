/** Everything a person did on a series that the service has not yet acknowledged, sent in order, one at a time. */

import type { Series } from "../types";
import { AWAY, ServiceError, wordsOf } from "./call";
import type { Endpoints } from "./endpoints";
import { browserStorage, type KeyValues, OperationStore } from "./operation-store";
import { type Deed, dependsOn, type Operation, perform, type Stored } from "./operations";

export type Outcome =
  | { state: "stored"; operation: Operation; stored: Stored }
  | { state: "refused"; operation: Operation; words: string };

/** What the service acknowledged while this page was open. */
export interface Settled {
  operation: Operation;
  stored: Stored;
  /** Unix ms. */
  at: number;
}

export interface OutboxState {
  operations: readonly Operation[];
  settled: readonly Settled[];
  /** What the service refused last, in its words. */
  refused: string | null;
  /** Why sending rests, in words. */
  problem: string | null;
  /** Whether what waits would be there after a reload. */
  kept: boolean;
}

/** What is needed of `navigator.locks`. */
export interface Locks {
  request: (name: string, work: () => Promise<void>) => Promise<unknown>;
}

export interface OutboxOptions {
  series: Series;
  endpoints: Endpoints;
  storage?: KeyValues | null;
  locks?: Locks | null;
  /** How long to rest after that many failures in a row. */
  pause_ms?: (failures: number) => number;
  timeout_ms?: number;
}

const LONGEST_PAUSE_MS = 60_000;
const MOST_SETTLED = 1000;

/** The state of an outbox in which nothing waits. */
export const IDLE: OutboxState = { operations: [], settled: [], refused: null, problem: null, kept: true };

/** The outbox of one series; where several tabs have it open, one of them sends at a time. */
export class Outbox {
  readonly series: Series;
  private readonly endpoints: Endpoints;
  private readonly store: OperationStore;
  private readonly locks: Locks | null;
  private readonly pause_ms: (failures: number) => number;
  private readonly timeout_ms: number;
  private readonly listeners = new Set<() => void>();
  private readonly outcomeListeners = new Set<(outcome: Outcome) => void>();
  private state: OutboxState = IDLE;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private isDraining = false;
  /** Tells the page's other tabs what became of an operation. */
  private channel: BroadcastChannel | null = null;

  constructor(options: OutboxOptions) {
    this.series = options.series;
    this.endpoints = options.endpoints;
    this.store = new OperationStore(
      options.series,
      options.storage === undefined ? browserStorage() : options.storage,
    );
    this.locks = options.locks === undefined ? browserLocks() : options.locks;
    this.pause_ms =
      options.pause_ms ?? ((failures) => Math.min(1000 * 2 ** (failures - 1), LONGEST_PAUSE_MS));
    this.timeout_ms = options.timeout_ms ?? 30_000;
    this.publish({});
  }

  /** Where it sends to. */
  get base(): string {
    return this.endpoints.base;
  }

  readonly snapshot = (): OutboxState => this.state;

  /** Calls `listener` after each change; returns the way to end that. While anybody listens, it sends. */
  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.listeners.size === 0) this.open();
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.close();
    };
  };

  /** Calls `listener` with what became of each operation, in whichever tab it was sent. */
  onOutcome(listener: (outcome: Outcome) => void): () => void {
    this.outcomeListeners.add(listener);
    return () => this.outcomeListeners.delete(listener);
  }

  /** Keeps what was done and sends it as soon as it is its turn. */
  add(deed: Deed): Operation {
    const operation = this.store.add(deed);
    this.publish({ refused: null });
    if (this.timer === null) void this.drain();
    return operation;
  }

  /** Removes an operation that was never sent; false where the service may have it. */
  drop(id: string): boolean {
    const found = this.store.all().find((operation) => operation.id === id);
    if (found === undefined || found.attempted) return false;
    this.store.remove(id);
    this.publish({});
    return true;
  }

  /** Sends what waits now, without waiting for the end of a pause. */
  wake(): void {
    this.rest(null);
    void this.drain();
  }

  private async drain(): Promise<void> {
    if (this.isDraining || this.store.all().length === 0) return;
    this.isDraining = true;
    let isDone = false;
    const work = async () => {
      isDone = await this.sendAll();
    };
    try {
      await (this.locks === null ? work() : this.locks.request(`candleloop ${this.store.prefix}`, work));
    } finally {
      this.isDraining = false;
    }
    // What was added after the last look.
    if (isDone) void this.drain();
  }

  /** Returns whether nothing is left. */
  private async sendAll(): Promise<boolean> {
    for (;;) {
      const [first] = this.store.all();
      if (first === undefined) return true;
      if (!(await this.sendOne(first))) return false;
    }
  }

  /** Returns whether the next one may be sent. */
  private async sendOne(operation: Operation): Promise<boolean> {
    // Written before it is sent: should the page end now, it is sent again and never forgotten.
    this.store.put({ ...operation, attempted: true });
    this.publish({});
    try {
      const timeout = AbortSignal.timeout(this.timeout_ms);
      this.settle(operation, await perform(operation, this.endpoints, this.series, timeout));
      return true;
    } catch (error) {
      if (error instanceof ServiceError && error.failure === "refused") {
        this.refuse(operation, error.message);
        return true;
      }
      this.pause(error);
      return false;
    }
  }

  private settle(operation: Operation, stored: Stored): void {
    // What takes it back learns its id first; only then is the operation forgotten.
    for (const later of this.store.all()) {
      if (later.kind !== "retract_feedback" || !dependsOn(later, operation)) continue;
      const annotation_id = stored.annotation?.id ?? null;
      this.store.put({ ...later, feedback_id: stored.feedback_id, annotation_id });
    }
    this.store.remove(operation.id);
    this.failures = 0;
    this.publish({ problem: null, settled: this.settledWith(operation, stored) });
    this.tell({ state: "stored", operation, stored });
  }

  private settledWith(operation: Operation, stored: Stored): readonly Settled[] {
    return [...this.state.settled, { operation, stored, at: Date.now() }].slice(-MOST_SETTLED);
  }

  private refuse(operation: Operation, words: string): void {
    for (const later of this.store.all()) if (dependsOn(later, operation)) this.store.remove(later.id);
    this.store.remove(operation.id);
    this.failures = 0;
    this.publish({ problem: null, refused: words });
    this.tell({ state: "refused", operation, words });
  }

  private pause(error: unknown): void {
    this.failures += 1;
    const asked = error instanceof ServiceError ? (error.retry_after_s ?? 0) * 1000 : 0;
    if (this.listeners.size > 0) this.rest(Math.max(this.pause_ms(this.failures), asked));
    this.publish({ problem: wordsOf(error) });
  }

  private rest(pauseMs: number | null): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = pauseMs === null ? null : setTimeout(() => this.wake(), pauseMs);
  }

  private publish(change: Partial<OutboxState>): void {
    this.state = { ...this.state, ...change, operations: this.store.all(), kept: this.store.isKept };
    for (const listener of this.listeners) listener();
  }

  private tell(outcome: Outcome): void {
    for (const listener of this.outcomeListeners) listener(outcome);
    this.channel?.postMessage(outcome);
  }

  private readonly heard = ({ data: outcome }: MessageEvent<Outcome>): void => {
    if (outcome.state === "refused") this.publish({ refused: outcome.words });
    else this.publish({ settled: this.settledWith(outcome.operation, outcome.stored) });
    for (const listener of this.outcomeListeners) listener(outcome);
  };

  private readonly changedElsewhere = (event: StorageEvent): void => {
    if (event.key === null || event.key.startsWith(this.store.prefix)) this.publish({});
  };

  private readonly cameOnline = (): void => this.wake();

  private open(): void {
    if (typeof window !== "undefined") {
      window.addEventListener("storage", this.changedElsewhere);
      window.addEventListener("online", this.cameOnline);
    }
    if (typeof BroadcastChannel !== "undefined") {
      this.channel = new BroadcastChannel(`candleloop ${this.store.prefix}`);
      this.channel.onmessage = this.heard;
    }
    this.publish({});
    this.wake();
  }

  private close(): void {
    this.rest(null);
    this.channel?.close();
    this.channel = null;
    if (typeof window === "undefined") return;
    window.removeEventListener("storage", this.changedElsewhere);
    window.removeEventListener("online", this.cameOnline);
  }
}

/** Returns why what waits may be lost, or why it waits, for people; null where all is well. */
export function warningOf({ operations, problem, kept }: OutboxState): string | null {
  if (operations.length === 0) return null;
  const lost =
    "This browser cannot keep what you do: its storage is full or switched off. Leave this page open.";
  const waits = problem === null || problem.startsWith(AWAY) ? null : `Not saved yet: ${problem}`;
  return [kept ? null : lost, waits].filter((words) => words !== null).join(" ") || null;
}

function browserLocks(): Locks | null {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return null;
  return navigator.locks;
}
