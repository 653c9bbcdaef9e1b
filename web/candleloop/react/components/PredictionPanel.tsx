"use client";

import { usePredictions } from "../provider";
import { AskSection } from "./AskSection";
import { FilterSection } from "./FilterSection";
import { ModelSection } from "./ModelSection";
import { PatternSection } from "./PatternSection";
import { SummarySection } from "./SummarySection";
import { Switch } from "./Switch";
import styles from "./styles.module.css";
import { TrainingSection } from "./TrainingSection";

/** The panel beside the chart: what is predicted, what of it is shown, and by which model. */
export function PredictionPanel() {
  const { enabled, settings, change } = usePredictions();
  if (!enabled) return null;
  return (
    <aside className={styles.panel} aria-label="Predictions">
      <header className={styles.head}>
        <h2>Predictions</h2>
        <Switch label="Show predictions" isOn={settings.shown} onChange={(shown) => change({ shown })} />
      </header>
      <ModelSection />
      {settings.shown && (
        <>
          <AskSection />
          <SummarySection />
          <FilterSection />
          <PatternSection />
        </>
      )}
      <TrainingSection />
    </aside>
  );
}
