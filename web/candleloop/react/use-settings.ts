"use client";
/** What a person chose to see, remembered in this browser. */

import { useCallback, useSyncExternalStore } from "react";
import { browserStorage } from "../client/operation-store";
import type { Settings } from "./predictions";

export const DEFAULT_SETTINGS: Settings = {
  shown: true,
  threshold: 0.7,
  hidden_labels: [],
  only_disagreements: false,
  auto_predict: false,
  patterns: [],
};

const KEY = "candleloop.settings";
const listeners = new Set<() => void>();
let current: Settings | null = null;

/** Returns the settings and the way to change them; all charts of a page share them. */
export function useSettings(): [Settings, (change: Partial<Settings>) => void] {
  const settings = useSyncExternalStore(subscribe, snapshot, () => DEFAULT_SETTINGS);
  return [settings, useCallback(change, [])];
}

/** Returns settings from the text that was kept; what is missing or of another kind is as at the start. */
export function readSettings(text: string | null): Settings {
  const kept = recordOf(text);
  const start = DEFAULT_SETTINGS;
  return {
    shown: booleanOr(kept.shown, start.shown),
    threshold: shareOr(kept.threshold, start.threshold),
    hidden_labels: namesOr(kept.hidden_labels, start.hidden_labels),
    only_disagreements: booleanOr(kept.only_disagreements, start.only_disagreements),
    auto_predict: booleanOr(kept.auto_predict, start.auto_predict),
    patterns: namesOr(kept.patterns, start.patterns),
  };
}

function snapshot(): Settings {
  current ??= readSettings(keptText());
  return current;
}

function change(changed: Partial<Settings>): void {
  current = { ...snapshot(), ...changed };
  try {
    browserStorage()?.setItem(KEY, JSON.stringify(current));
  } catch {
    // Not remembered then, but chosen all the same.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  // Read anew by the first chart of a page: another tab may have changed them.
  if (listeners.size === 0) current = null;
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function keptText(): string | null {
  try {
    return browserStorage()?.getItem(KEY) ?? null;
  } catch {
    return null;
  }
}

function recordOf(text: string | null): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

function booleanOr(value: unknown, otherwise: boolean): boolean {
  return typeof value === "boolean" ? value : otherwise;
}

function shareOr(value: unknown, otherwise: number): number {
  return typeof value === "number" && value >= 0 && value <= 1 ? value : otherwise;
}

function namesOr(value: unknown, otherwise: readonly string[]): readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string") ? value : otherwise;
}
