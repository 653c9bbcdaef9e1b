"use client";

import type { StoredModel } from "../../types";
import { usePredictions } from "../provider";
import { Complaint } from "./Complaint";
import { Section } from "./Section";
import styles from "./styles.module.css";
import { dayOf, kindOfModel, percent } from "./words";

/** Which model serves, how good it is, and the choice of another. */
export function ModelSection() {
  const { model, models, load_model, model_error, service } = usePredictions();
  const loadable = models.filter((one) => one.status === "ready" || one.is_champion);
  return (
    <Section title="Model" aside={model && `v${model.model_info.model_version}`}>
      {model === null ? (
        model_error === null && (
          <p className={styles.quiet}>
            {service.state === "down" ? "The service is away." : "No model serves yet. Train one below."}
          </p>
        )
      ) : (
        <p className={styles.quiet}>
          {kindOfModel(model.model_info.model_type)}, trained {dayOf(model.model_info.trained_at)}. On its
          test: candle F1 {percent(model.metrics.f1_macro)}.
        </p>
      )}
      {loadable.length > 1 && (
        <label className={styles.field}>
          <span>Serve</span>
          <select
            aria-label="Model that serves"
            value={loadable.find((one) => one.is_champion)?.run_id ?? ""}
            onChange={(event) => load_model(event.target.value)}
          >
            {loadable.map((one) => (
              <option key={one.run_id} value={one.run_id}>
                {nameOf(one)}
              </option>
            ))}
          </select>
        </label>
      )}
      <Complaint words={model_error} />
    </Section>
  );
}

function nameOf({ model_version, model_type, metrics, trained_at }: StoredModel): string {
  const parts = [
    model_version === null ? "no version" : `v${model_version}`,
    kindOfModel(model_type),
    metrics.span_f1 === null ? null : `span F1 ${percent(metrics.span_f1)}`,
    trained_at === null ? null : dayOf(trained_at),
  ];
  return parts.filter((part) => part !== null).join(" · ");
}
