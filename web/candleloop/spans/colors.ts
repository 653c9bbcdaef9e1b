/** Twelve colours that differ on light and on dark ground. */
const PALETTE = [
  "#1f77b4",
  "#e8710a",
  "#2e9e5b",
  "#c2413b",
  "#8a63d2",
  "#8c6239",
  "#d6409f",
  "#5c6b7a",
  "#9a9a1f",
  "#12a3b4",
  "#4f7a28",
  "#b0532f",
];

/** The colour of a label: the service's, else one that its name alone decides. */
export function colorOf(label: string, colors: ReadonlyMap<string, string>): string {
  const known = colors.get(label);
  if (known !== undefined) return known;
  let sum = 0;
  for (const letter of label) sum = (31 * sum + (letter.codePointAt(0) ?? 0)) % 1_000_003;
  return PALETTE[sum % PALETTE.length] ?? "#5c6b7a";
}
