"use client";

import type { Standing } from "../../spans/view";
import { usePredictions } from "../provider";
import { Section } from "./Section";
import styles from "./styles.module.css";
import { percent, STANDING_WORDS } from "./words";

const ORDER: readonly Standing[] = [
  "agreement",
  "boundary_mismatch",
  "label_mismatch",
  "missed_by_human",
  "missed_by_model",
  "not_sought",
];

/** How often people and the model say the same, and how they differ. */
export function SummarySection() {
  const { summary, step, rows } = usePredictions();
  const rate = summary.agreement_rate;
  return (
    <Section title="Agreement" aside={rate === null ? "nothing to compare" : percent(rate)}>
      <dl className={styles.summary}>
        {ORDER.map((standing) => (
          <div key={standing} data-standing={standing}>
            <dt>{STANDING_WORDS[standing]}</dt>
            <dd>{summary.counts[standing].toLocaleString("en-GB")}</dd>
          </div>
        ))}
      </dl>
      <div className={styles.buttons}>
        <button type="button" disabled={rows.length === 0} onClick={() => step(-1)}>
          Previous <kbd>K</kbd>
        </button>
        <button type="button" disabled={rows.length === 0} onClick={() => step(1)}>
          Next <kbd>J</kbd>
        </button>
      </div>
    </Section>
  );
}
