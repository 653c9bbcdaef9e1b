import styles from "./styles.module.css";

/** What went wrong, in the words of whoever noticed; nothing where nothing did. */
export function Complaint({ words }: { words: string | null }) {
  return words === null ? null : (
    <p className={styles.complaint} role="alert">
      {words}
    </p>
  );
}
