"use client";
/** Wires the keys to the predictions around a component. */

import { useEffect, useEffectEvent } from "react";
import { actionOf, type KeyAction } from "./keyboard";
import { usePredictions } from "./provider";

export interface PredictionKeys {
  /** Opens the form that corrects the selected row. */
  onCorrect: (key: string) => void;
}

/** Listens to the keys of `KEY_BINDINGS` for as long as the component is there. */
export function usePredictionKeys({ onCorrect }: PredictionKeys): void {
  const { selected, verdicts, step, select, predict_visible } = usePredictions();
  const act = (action: KeyAction) => {
    if (action === "undo") return verdicts.undo?.();
    if (action === "next") return step(1);
    if (action === "previous") return step(-1);
    if (action === "predict_visible") return predict_visible();
    if (action === "deselect") return select(null);
    if (selected === null) return;
    if (action === "confirm") return verdicts.confirm(selected.key);
    if (action === "dismiss") return verdicts.dismiss(selected.key);
    onCorrect(selected.key);
  };
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    const action = actionOf(event);
    if (action === null) return;
    event.preventDefault();
    act(action);
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => pressed(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}
