const LONGEST = 32;

/** A label as people read it, cut where it would cover the chart. */
export function tagWords(label: string): string {
  const words = labelWords(label);
  return words.length <= LONGEST ? words : `${words.slice(0, LONGEST - 1)}…`;
}

/** A label as people read it: `bull_flag` is "Bull flag". */
export function labelWords(label: string): string {
  const words = label.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
