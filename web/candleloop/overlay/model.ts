/** What the overlay is given to draw. */

export type Stroke = "solid" | "dashed" | "dotted";

/** The contract's colours of disagreements: another label is orange, missed by people yellow. */
export type Outline = "orange" | "yellow";

export interface OverlaySpan {
  /** Its own among all that are drawn; stays the same while it is moved. */
  key: string;
  /** What its tag says: label and confidence. */
  tag: string;
  /** A further line or more, shown while the pointer is over it. */
  hover: readonly string[];
  start_time: number;
  end_time: number;
  /** `#rrggbb`. */
  color: string;
  stroke: Stroke;
  outline: Outline | null;
  /** Its candles from this open on may still change: they are hatched. Null where all is settled. */
  provisional_from: number | null;
  /** Whether its bounds can be dragged once it is selected. */
  movable: boolean;
}

export type Part = "body" | "tag" | "start" | "end";

/** What lies under the pointer. */
export interface Hit {
  key: string;
  part: Part;
}

export interface OverlayTheme {
  background: string;
  text: string;
  outlines: Record<Outline, string>;
  font: string;
}
