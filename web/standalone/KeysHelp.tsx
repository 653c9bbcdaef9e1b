import { KEY_BINDINGS } from "@/candleloop/react";
import { labelWords } from "@/candleloop/spans/label-words";
import type { Choice } from "./palette";
import styles from "./standalone.module.css";
import { ANNOTATING_KEYS } from "./use-annotating-keys";

/** Every key and what it does. */
export function KeysHelp({ palette }: { palette: readonly Choice[] }) {
  const labels = palette.filter(({ key }) => key !== null);
  return (
    <details className={styles.menu}>
      <summary>Keys</summary>
      <dl>
        {[...KEY_BINDINGS, ...ANNOTATING_KEYS].map(({ shown, does }) => (
          <div key={shown}>
            <dt>
              <kbd>{shown}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
        {labels.map(({ name, key }) => (
          <div key={name}>
            <dt>
              <kbd>{key?.toUpperCase()}</kbd>
            </dt>
            <dd>Mark {labelWords(name)} with the next two clicks</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
