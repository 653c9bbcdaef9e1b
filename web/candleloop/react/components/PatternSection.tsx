"use client";

import { useState } from "react";
import { usePredictions } from "../provider";
import { Complaint } from "./Complaint";
import { Section } from "./Section";
import styles from "./styles.module.css";

/** Which of TA-Lib's patterns are drawn beside. */
export function PatternSection() {
  const { patterns, pattern_error, settings, change } = usePredictions();
  const [sought, setSought] = useState("");
  const chosen = new Set(settings.patterns);
  const found = patterns.filter(
    ({ function_name, display_name }) =>
      chosen.has(function_name) ||
      `${display_name} ${function_name}`.toLowerCase().includes(sought.toLowerCase()),
  );
  const toggle = (name: string) =>
    change({
      patterns: chosen.has(name)
        ? settings.patterns.filter((one) => one !== name)
        : [...settings.patterns, name],
    });
  return (
    <Section title="TA-Lib patterns" aside={chosen.size > 0 ? `${chosen.size} shown` : "none shown"}>
      <details className={styles.details}>
        <summary>Choose patterns</summary>
        <input
          type="search"
          placeholder="Find a pattern"
          aria-label="Find a pattern"
          value={sought}
          onChange={(event) => setSought(event.target.value)}
        />
        <ul className={styles.list}>
          {found.map(({ function_name, display_name }) => (
            <li key={function_name}>
              <label className={styles.check}>
                <input
                  type="checkbox"
                  checked={chosen.has(function_name)}
                  onChange={() => toggle(function_name)}
                />
                <span>{display_name}</span>
              </label>
            </li>
          ))}
        </ul>
      </details>
      {chosen.size > 0 && (
        <button type="button" className={styles.link} onClick={() => change({ patterns: [] })}>
          Show none
        </button>
      )}
      <Complaint words={pattern_error} />
    </Section>
  );
}
