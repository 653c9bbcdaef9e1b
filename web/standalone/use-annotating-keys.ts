"use client";

import { useEffect, useEffectEvent } from "react";
import { isField, usePredictions } from "@/candleloop/react";
import { annotationIdOf } from "@/candleloop/spans/view";
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
  const { selected_key } = usePredictions();
  // A prediction that is selected has a person's span beside it too, which is not the one to delete.
  const annotated = selected_key === null ? null : annotationIdOf(selected_key);
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isField(event.target)) return;
    if (act(event.key, { ...options, annotated })) event.preventDefault();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => pressed(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
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
