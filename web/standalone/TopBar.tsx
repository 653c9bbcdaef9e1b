"use client";

import { type Annotations, usePredictions } from "@/candleloop/react";
import type { StoredSeries } from "@/candleloop/types";
import { ExportMenu } from "./ExportMenu";
import { KeysHelp } from "./KeysHelp";
import type { Choice } from "./palette";
import { wordsOf } from "./series-address";
import styles from "./standalone.module.css";

interface Props {
  series: StoredSeries;
  stored: readonly StoredSeries[];
  onChoose: (series: StoredSeries) => void;
  kept: Annotations;
  palette: readonly Choice[];
  annotator: string;
  onAnnotator: (name: string) => void;
}

/** Which series is open, who annotates, and what can be done with the annotations as a whole. */
export function TopBar({ series, stored, onChoose, kept, palette, annotator, onAnnotator }: Props) {
  const { service } = usePredictions();
  return (
    <header className={styles.top}>
      <h1>candleloop</h1>
      <select
        aria-label="Series"
        value={wordsOf(series)}
        onChange={(event) => {
          const chosen = stored.find((one) => wordsOf(one) === event.target.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        {stored.map((one) => (
          <option key={wordsOf(one)}>{wordsOf(one)}</option>
        ))}
      </select>
      <input
        aria-label="Annotator"
        placeholder="Your name"
        value={annotator}
        maxLength={60}
        onChange={(event) => onAnnotator(event.target.value)}
      />
      {kept.error !== null && service.state !== "down" && (
        <p className={styles.failure} role="alert">
          {kept.error}
        </p>
      )}
      <div className={styles.actions}>
        <button type="button" disabled={kept.undo === null} onClick={() => kept.undo?.()}>
          Undo drawing <kbd>Z</kbd>
        </button>
        <ExportMenu {...series} />
        <KeysHelp palette={palette} />
      </div>
    </header>
  );
}
