import styles from "./styles.module.css";

interface Props {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

/** A switch with a name for those who hear it. */
export function Switch({ label, isOn, onChange }: Props) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      aria-label={label}
      className={styles.switch}
      onClick={() => onChange(!isOn)}
    />
  );
}
