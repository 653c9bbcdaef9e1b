"use client";

import { usePredictions } from "../provider";
import { Complaint } from "./Complaint";
import { Section } from "./Section";
import styles from "./styles.module.css";

/** Asks the model about what is visible, or about everything that is stored. */
export function AskSection() {
  const { asking, predict_visible, predict_all, settings, change, model, service } = usePredictions();
  const isRunning = asking.state === "running";
  const cannot = model === null || service.state === "down";
  return (
    <Section title="Predict">
      <div className={styles.buttons}>
        <button type="button" className={styles.primary} disabled={cannot} onClick={predict_visible}>
          Run on visible
        </button>
        <button type="button" disabled={cannot || isRunning} onClick={predict_all}>
          Predict all
        </button>
      </div>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={settings.auto_predict}
          onChange={(event) => change({ auto_predict: event.target.checked })}
        />
        <span>Predict what I scroll to</span>
      </label>
      {isRunning && asking.of === "all" && (
        <div className={styles.progress}>
          <progress aria-label="Predicting all" value={asking.progress ?? undefined} />
          <button type="button" onClick={asking.cancel}>
            Cancel
          </button>
        </div>
      )}
      <Complaint words={asking.error} />
    </Section>
  );
}
