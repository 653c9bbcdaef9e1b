import type { ReactNode } from "react";
import styles from "./styles.module.css";

interface Props {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
}

/** A part of the panel under its title. */
export function Section({ title, aside, children }: Props) {
  return (
    <section className={styles.section} aria-label={title}>
      <h3>
        <span>{title}</span>
        {aside !== undefined && <span className={styles.aside}>{aside}</span>}
      </h3>
      {children}
    </section>
  );
}
