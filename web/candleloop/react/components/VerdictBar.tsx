"use client";

import { type ReactNode, useId } from "react";
import { annotationIdOf } from "../../spans/view";
import type { Prediction } from "../../types";
import type { Selection } from "../predictions";
import { usePredictions } from "../provider";
import { Complaint } from "./Complaint";
import styles from "./styles.module.css";
import { confidenceWords, labelWords, rangeWords, STANDING_WORDS } from "./words";

interface Props {
  /** Labels that a correction may give. */
  labels: readonly string[];
  /** What else can be done with a person's span, where the host edits it. */
  children?: (selection: Selection) => ReactNode;
}

/** What is selected on the chart, and what can be said of it. */
export function VerdictBar({ labels, children }: Props) {
  const { selected, selected_key, verdicts, step } = usePredictions();
  const isPersons = selected_key !== null && annotationIdOf(selected_key) !== null;
  return (
    <div className={styles.bar} data-empty={selected === null}>
      {selected === null ? (
        <p className={styles.quiet}>
          Click a prediction to judge it; Alt or Ctrl click dismisses it. <kbd>J</kbd> and <kbd>K</kbd> step
          through them.
        </p>
      ) : (
        <>
          <Told row={selected} isPersons={isPersons} />
          {selected.prediction !== null && !isPersons && (
            <Judging prediction={selected.prediction} labels={labels} />
          )}
          {isPersons && children?.(selected)}
        </>
      )}
      <div className={styles.ending}>
        <Complaint words={verdicts.refused ?? verdicts.warning} />
        <Saving waiting={verdicts.waiting} />
        <button type="button" aria-label="Previous" onClick={() => step(-1)}>
          ‹
        </button>
        <button type="button" aria-label="Next" onClick={() => step(1)}>
          ›
        </button>
        <button type="button" disabled={verdicts.undo === null} onClick={() => verdicts.undo?.()}>
          Undo <kbd>U</kbd>
        </button>
      </div>
    </div>
  );
}

function Told({ row, isPersons }: { row: Selection; isPersons: boolean }) {
  const prediction = isPersons ? null : row.prediction;
  const shown = prediction ?? row.annotation;
  if (shown === null) return null;
  const { standing, judged } = row;
  return (
    <div
      className={styles.told}
      data-standing={standing ?? undefined}
      data-start={shown.start_time}
      data-end={shown.end_time}
    >
      <strong>{labelWords(shown.label)}</strong>
      {prediction !== null && (
        <span>
          {confidenceWords(prediction.avg_confidence)} by v{prediction.model_version}
        </span>
      )}
      <span>{rangeWords(shown)}</span>
      {standing !== null && <em>{judged ? "Judged" : STANDING_WORDS[standing]}</em>}
    </div>
  );
}

function Judging({ prediction, labels }: { prediction: Prediction; labels: readonly string[] }) {
  const { verdicts } = usePredictions();
  const id = useId();
  const others = labels.filter((label) => label !== prediction.label);
  return (
    <div className={styles.judging}>
      <button type="button" className={styles.primary} onClick={() => verdicts.confirm(prediction.key)}>
        Confirm <kbd>Y</kbd>
      </button>
      <button type="button" onClick={() => verdicts.dismiss(prediction.key)}>
        Dismiss <kbd>X</kbd>
      </button>
      <label htmlFor={id}>
        Correct <kbd>E</kbd>
      </label>
      <select
        id={id}
        data-correct
        value=""
        title="Or drag its bounds on the chart"
        onChange={(event) => {
          verdicts.correct(prediction.key, { label: event.target.value });
          // The keys are the chart's again.
          event.target.blur();
        }}
      >
        <option value="" disabled>
          It is a …
        </option>
        {others.map((label) => (
          <option key={label} value={label}>
            {labelWords(label)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Saving({ waiting }: { waiting: number }) {
  return (
    <span className={styles.saving} data-state={waiting === 0 ? "saved" : "waiting"} role="status">
      {waiting === 0 ? "Saved" : `${waiting.toLocaleString("en-GB")} to save`}
    </span>
  );
}
