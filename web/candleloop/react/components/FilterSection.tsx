"use client";

import type { Metrics } from "../../types";
import { usePredictions } from "../provider";
import { Section } from "./Section";
import styles from "./styles.module.css";
import { labelWords, percent } from "./words";

/** What of the predictions is shown: from which confidence on, of which labels, and only where somebody differs. */
export function FilterSection() {
  const { settings, change, model, sought, summary } = usePredictions();
  const isSought = (name: string) => sought?.includes(name) ?? false;
  const names = [...(model?.model_info.label_names ?? [])].sort(
    (one, other) => Number(isSought(other)) - Number(isSought(one)) || one.localeCompare(other),
  );
  return (
    <Section title="Show">
      <label className={styles.field}>
        <span>Confidence from</span>
        <input
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={settings.threshold}
          aria-valuetext={percent(settings.threshold)}
          onChange={(event) => change({ threshold: event.target.valueAsNumber })}
        />
        <output>{settings.threshold.toFixed(2)}</output>
      </label>
      {summary.below_threshold > 0 && (
        <p className={styles.quiet}>
          {summary.below_threshold.toLocaleString("en-GB")} more{" "}
          {summary.below_threshold === 1 ? "is" : "are"} less sure.
        </p>
      )}
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={settings.only_disagreements}
          onChange={(event) => change({ only_disagreements: event.target.checked })}
        />
        <span>Only disagreements</span>
      </label>
      {names.length > 0 && <Labels names={names} />}
    </Section>
  );
}

function Labels({ names }: { names: readonly string[] }) {
  const { settings, change, model } = usePredictions();
  const hidden = new Set(settings.hidden_labels);
  const colors = new Map(model?.label_config.map(({ name, color }) => [name, color]));
  const toggle = (name: string) => {
    const hides = !hidden.has(name);
    change({ hidden_labels: names.filter((one) => (one === name ? hides : hidden.has(one))) });
  };
  return (
    <table className={styles.labels}>
      <thead>
        <tr>
          <th scope="col">
            <button
              type="button"
              className={styles.link}
              onClick={() => change({ hidden_labels: hidden.size > 0 ? [] : [...names] })}
            >
              {hidden.size > 0 ? "All labels" : "No label"}
            </button>
          </th>
          <th scope="col" title="Of what it calls so, how much is right">
            Prec.
          </th>
          <th scope="col" title="Of what is so, how much it finds">
            Rec.
          </th>
          <th scope="col" title="Both in one figure">
            F1
          </th>
        </tr>
      </thead>
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row">
              <label className={styles.check}>
                <input type="checkbox" checked={!hidden.has(name)} onChange={() => toggle(name)} />
                <i style={{ background: colors.get(name) }} />
                <span title={labelWords(name)}>{labelWords(name)}</span>
              </label>
            </th>
            <Figures of={model?.metrics.per_class[name]} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A class without a test has no figures. */
function Figures({ of }: { of: Metrics["per_class"][string] | undefined }) {
  if (of === undefined || of.support === 0) return <td colSpan={3}>not tested</td>;
  return (
    <>
      <td>{of.precision.toFixed(2)}</td>
      <td>{of.recall.toFixed(2)}</td>
      <td title={`${of.support.toLocaleString("en-GB")} candles in the test`}>{of.f1_score.toFixed(2)}</td>
    </>
  );
}
