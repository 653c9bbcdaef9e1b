"use client";

import { useState } from "react";
import type { TrainingRun } from "../../types";
import { usePredictions } from "../provider";
import { Complaint } from "./Complaint";
import { Section } from "./Section";
import styles from "./styles.module.css";
import { kindOfModel, leftWords, percent } from "./words";

const MODEL_TYPES = ["xgboost", "random_forest"] as const;

/** Trains a model with what was annotated and judged since, and says how far it is. */
export function TrainingSection() {
  const { training, service } = usePredictions();
  const [modelType, setModelType] = useState<string>(MODEL_TYPES[0]);
  return (
    <Section
      title="Training"
      aside={training.run && !training.is_active ? ENDED[training.run.status] : undefined}
    >
      <div className={styles.buttons}>
        <select
          aria-label="Kind of model"
          value={modelType}
          disabled={training.is_active}
          onChange={(event) => setModelType(event.target.value)}
        >
          {MODEL_TYPES.map((name) => (
            <option key={name} value={name}>
              {kindOfModel(name)}
            </option>
          ))}
        </select>
        <button
          type="button"
          disabled={training.is_active || service.state === "down"}
          onClick={() => training.start(modelType)}
        >
          Train
        </button>
      </div>
      {training.pairs.length > 1 && !training.is_active && (
        <p className={styles.quiet}>Learns from {training.pairs.join(", ")}, as the model that serves did.</p>
      )}
      {training.run !== null && (
        <Run run={training.run} isActive={training.is_active} cancel={training.cancel} />
      )}
      <Complaint words={training.error} />
    </Section>
  );
}

const ENDED: Record<TrainingRun["status"], string> = {
  queued: "queued",
  running: "running",
  failed: "failed",
  cancelled: "cancelled",
  rejected: "refused by the gate",
  ready: "ready",
};

function Run({ run, isActive, cancel }: { run: TrainingRun; isActive: boolean; cancel: () => void }) {
  if (!isActive) return <Ended run={run} />;
  return (
    <div className={styles.run} aria-live="polite">
      <p className={styles.quiet}>
        {run.status === "queued" ? "Waits for the worker" : run.stage}
        {run.time_left_s !== null && `, about ${leftWords(run.time_left_s)} left`}
      </p>
      <div className={styles.progress}>
        <progress aria-label="Training" value={run.status === "queued" ? undefined : run.progress} />
        <button type="button" onClick={cancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function Ended({ run }: { run: TrainingRun }) {
  if (run.error !== null) return <Complaint words={run.error} />;
  if (run.status !== "ready") return null;
  const f1 = run.metrics?.f1_macro;
  return (
    <p className={styles.quiet} aria-live="polite">
      Version {run.model_version ?? "unknown"}{" "}
      {run.is_champion ? "serves now" : "is ready, and does not serve"}
      {typeof f1 === "number" && `; on its test: candle F1 ${percent(f1)}`}.
    </p>
  );
}
