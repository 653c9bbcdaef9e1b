"use client";

import { usePredictions } from "../provider";
import styles from "./styles.module.css";

/** Says that the service is away, and what waits for it; nothing while all is well. */
export function ServiceBanner() {
  const { service, verdicts } = usePredictions();
  if (service.state !== "down") return null;
  const waiting = verdicts.waiting === 0 ? "" : ` ${sayingsOf(verdicts.waiting)} for it.`;
  return (
    <div className={styles.banner} role="status">
      <p>
        <strong>Predictions are away.</strong> {sentence(service.error ?? "The service does not answer")}{" "}
        Annotating goes on; the service is asked again every 30 seconds.{waiting}
      </p>
      <button type="button" onClick={service.ask_now}>
        Ask now
      </button>
    </div>
  );
}

function sentence(words: string): string {
  return words.endsWith(".") ? words : `${words}.`;
}

function sayingsOf(count: number): string {
  return count === 1 ? "One change waits" : `${count.toLocaleString("en-GB")} changes wait`;
}
