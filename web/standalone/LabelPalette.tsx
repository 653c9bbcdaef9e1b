"use client";

import type { CSSProperties } from "react";
import { colorOf } from "@/candleloop/spans/colors";
import { labelWords } from "@/candleloop/spans/label-words";
import type { Choice } from "./palette";
import styles from "./standalone.module.css";

interface Props {
  palette: readonly Choice[];
  armed: string | null;
  /** Chooses the label of the next span, or none. */
  onArm: (name: string | null) => void;
}

/** The labels; the chosen one is what the next two clicks on the chart mark. */
export function LabelPalette({ palette, armed, onArm }: Props) {
  return (
    <fieldset className={styles.palette} aria-label="Label of the next span">
      {withArmed(palette, armed).map(({ name, color, key }) => (
        <button
          key={name}
          type="button"
          aria-pressed={armed === name}
          style={colored(color)}
          onClick={() => onArm(armed === name ? null : name)}
        >
          <i />
          <span title={labelWords(name)}>{labelWords(name)}</span>
          {key !== null && <kbd>{key.toUpperCase()}</kbd>}
        </button>
      ))}
      <NewLabel onNamed={onArm} />
    </fieldset>
  );
}

/** A label that was just typed is shown too, before anything carries it. */
function withArmed(palette: readonly Choice[], armed: string | null): readonly Choice[] {
  if (armed === null || palette.some(({ name }) => name === armed)) return palette;
  return [...palette, { name: armed, color: colorOf(armed, new Map()), key: null }];
}

/** React's types know no custom properties. */
function colored(color: string): CSSProperties {
  return { "--label": color } as CSSProperties;
}

function NewLabel({ onNamed }: { onNamed: (name: string) => void }) {
  const named = (form: FormData) => {
    const name = String(form.get("name") ?? "")
      .trim()
      .toLowerCase()
      .replaceAll(/\s+/g, "_");
    if (name === "") return;
    onNamed(name);
    // The keys are the chart's again.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  };
  return (
    <form action={named}>
      <input name="name" placeholder="New label" aria-label="New label" maxLength={200} size={10} />
    </form>
  );
}
