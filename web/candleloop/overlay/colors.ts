/** Labels have few colours and boxes few opacities, but there are many boxes a frame. */
const made = new Map<number, Map<string, string>>();

/** A colour `#rrggbb` with an opacity. */
export function faded(color: string, opacity: number): string {
  const ofOpacity = made.get(opacity) ?? new Map<string, string>();
  made.set(opacity, ofOpacity);
  const known = ofOpacity.get(color);
  if (known !== undefined) return known;
  const [red, green, blue] = channels(color);
  const rgba = `rgba(${red},${green},${blue},${opacity})`;
  ofOpacity.set(color, rgba);
  return rgba;
}

/** Black or white, whichever reads better on a colour. */
export function readableOn(color: string): string {
  const [red, green, blue] = channels(color);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? "#14181d" : "#ffffff";
}

function channels(color: string): [number, number, number] {
  if (!/^#[0-9a-f]{6}$/i.test(color)) return [128, 128, 128];
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
