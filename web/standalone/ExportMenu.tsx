import type { Series } from "@/candleloop/types";
import styles from "./standalone.module.css";

const FORMS = [
  ["json", "JSON", "spans with all their fields"],
  ["csv", "CSV of spans", "a row a span"],
  ["bio", "CSV of candles", "a row a candle, BIO tags"],
  ["windows", "CSV of windows", "a row a window"],
] as const;

/** The annotations of a series in the annotation tool's own forms. */
export function ExportMenu({ pair, timeframe }: Series) {
  return (
    <details className={styles.menu}>
      <summary>Export</summary>
      <ul>
        {FORMS.map(([format, name, words]) => (
          <li key={format}>
            <a
              href={`/api/annotations/export?${new URLSearchParams({ pair, timeframe, format })}`}
              download={`${pair.replaceAll("/", "-")}_${timeframe}.${format === "json" ? format : `${format}.csv`}`}
            >
              <strong>{name}</strong> {words}
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}
