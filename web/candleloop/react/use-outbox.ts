"use client";
/** The outbox of a series as state. */

import { useEffect, useEffectEvent, useMemo, useSyncExternalStore } from "react";
import { IDLE, type Outbox, type OutboxState, type Outcome } from "../client/outbox";
import { outboxOf } from "../client/outboxes";

/** Returns the page's outbox of a series and what is in it; `onOutcome` is told what becomes of each deed. */
export function useOutbox(
  base: string,
  pair: string,
  timeframe: string,
  onOutcome: (outcome: Outcome) => void,
): { outbox: Outbox; state: OutboxState } {
  const outbox = useMemo(() => outboxOf(base, { pair, timeframe }), [base, pair, timeframe]);
  const told = useEffectEvent(onOutcome);
  // Before it is subscribed to, and so before it sends: no outcome is missed.
  useEffect(() => outbox.onOutcome((outcome) => told(outcome)), [outbox]);
  const state = useSyncExternalStore(outbox.subscribe, outbox.snapshot, () => IDLE);
  return { outbox, state };
}
