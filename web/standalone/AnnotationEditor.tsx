"use client";

import type { AnnotationChange } from "@/candleloop/candleloop-api";
import { labelWords } from "@/candleloop/spans/label-words";
import type { SpanAnnotation } from "@/candleloop/types";
import styles from "./standalone.module.css";

interface Props {
  annotation: SpanAnnotation;
  labels: readonly string[];
  onChange: (change: AnnotationChange) => void;
  onRemove: () => void;
}

const CLARITY = ["1", "2", "3", "4", "5"];
const OUTCOMES = ["win", "loss", "breakeven"] as const;

/** What can be changed of a person's span; its bounds are dragged on the chart. */
export function AnnotationEditor({ annotation, labels, onChange, onRemove }: Props) {
  const { label, confidence, outcome, notes } = annotation;
  return (
    <div className={styles.editor}>
      <Choice
        name="Label"
        value={label}
        options={labels.map((one) => [one, labelWords(one)])}
        onChoose={(value) => onChange({ label: value ?? label })}
      />
      <Choice
        name="Clarity"
        value={confidence === null ? null : String(confidence)}
        options={CLARITY.map((one) => [one, `Clarity ${one}`])}
        none="Clarity"
        onChoose={(value) => onChange({ confidence: value === null ? null : Number(value) })}
      />
      <Choice
        name="Outcome"
        value={outcome}
        options={OUTCOMES.map((one) => [one, one])}
        none="Outcome"
        onChoose={(value) => onChange({ outcome: OUTCOMES.find((one) => one === value) ?? null })}
      />
      <input
        aria-label="Notes"
        placeholder="Notes"
        key={annotation.id}
        defaultValue={notes ?? ""}
        maxLength={10_000}
        onBlur={(event) => {
          const said = event.target.value.trim() || null;
          if (said !== notes) onChange({ notes: said });
        }}
      />
      <button type="button" onClick={onRemove}>
        Delete <kbd>Del</kbd>
      </button>
    </div>
  );
}

interface ChoiceProps {
  name: string;
  value: string | null;
  options: readonly (readonly [string, string])[];
  none?: string;
  onChoose: (value: string | null) => void;
}

function Choice({ name, value, options, none, onChoose }: ChoiceProps) {
  return (
    <select aria-label={name} value={value ?? ""} onChange={(event) => onChoose(event.target.value || null)}>
      {none !== undefined && <option value="">{none}</option>}
      {options.map(([one, words]) => (
        <option key={one} value={one}>
          {words}
        </option>
      ))}
    </select>
  );
}
