"use client";

import { useEffect, useRef } from "react";
import { isField, usePredictions } from "@/candleloop/react";
import type { Choice } from "./palette";

/** The keys of drawing, apart from those of the labels. */
export const ANNOTATING_KEYS = [
  { shown: "Z", does: "Undo the last drawing" },
  { shown: "Del", does: "Delete the selected span of yours" },
] as const;

interface Options {
  palette: readonly Choice[];
  armed: string | null;
  onArm: (name: string | null) => void;
  onRemove: (id: string) => void;
  undo: (() => void) | null;
}

/** Listens to the keys of labels and of drawing, while nothing is typed. */
export function useAnnotatingKeys(options: Options): void {
  const { selected } = usePredictions();
  const annotated = selected?.annotation?.id ?? null;
  const now = useRef({ ...options, annotated });
  now.current = { ...options, annotated };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isField(event.target)) return;
      const done = act(event.key, now.current);
      if (done) event.preventDefault();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
}

function act(
  pressed: string,
  { palette, armed, onArm, onRemove, undo, annotated }: Options & { annotated: string | null },
) {
  const key = pressed.toLowerCase();
  const label = palette.find((one) => one.key === key);
  if (label !== undefined) onArm(armed === label.name ? null : label.name);
  else if ((key === "delete" || key === "backspace") && annotated !== null) onRemove(annotated);
  else if (key === "z") undo?.();
  else if (key === "escape" && armed !== null) onArm(null);
  else return false;
  return true;
}
