/** A label as people read it: `bull_flag` is "Bull flag". */
export function labelWords(label: string): string {
  const words = label.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
