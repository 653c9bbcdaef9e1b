/** The keys of the predictions, without a screen. */

export type KeyAction =
  | "confirm"
  | "dismiss"
  | "open_correct"
  | "next"
  | "previous"
  | "undo"
  | "predict_visible"
  | "deselect";

export interface KeyBinding {
  /** As `KeyboardEvent.key` in lower case, and as it is shown. */
  key: string;
  shown: string;
  action: KeyAction;
  /** What it does, for a help panel. */
  does: string;
}

/** Every key, in the order of a help panel. */
export const KEY_BINDINGS: readonly KeyBinding[] = [
  { key: "y", shown: "Y", action: "confirm", does: "Confirm the selected prediction" },
  { key: "e", shown: "E", action: "open_correct", does: "Correct the selected prediction" },
  { key: "x", shown: "X", action: "dismiss", does: "Dismiss the selected prediction" },
  { key: "j", shown: "J", action: "next", does: "Select the next one" },
  { key: "k", shown: "K", action: "previous", does: "Select the one before" },
  { key: "u", shown: "U", action: "undo", does: "Undo the last verdict" },
  { key: "p", shown: "P", action: "predict_visible", does: "Predict what is visible" },
  { key: "escape", shown: "Esc", action: "deselect", does: "Deselect" },
];

/** What a key says, of a `KeyboardEvent`. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
  defaultPrevented: boolean;
  target: EventTarget | null;
}

const MAY_REPEAT: readonly KeyAction[] = ["next", "previous"];

/** Returns what a key press asks for; null where it means nothing here or belongs to a field. */
export function actionOf(press: KeyPress): KeyAction | null {
  if (press.defaultPrevented || press.ctrlKey || press.altKey || press.metaKey) return null;
  if (isField(press.target)) return null;
  const binding = KEY_BINDINGS.find(({ key }) => key === press.key.toLowerCase());
  if (binding === undefined) return null;
  return press.repeat && !MAY_REPEAT.includes(binding.action) ? null : binding.action;
}

const TYPED_IN = [
  // A box that is ticked and a slider that is drawn take no letters.
  "input:not([type=checkbox], [type=radio], [type=range])",
  "textarea",
  "select",
  "dialog",
  "[contenteditable]:not([contenteditable=false])",
].join(", ");

/** Returns whether something is typed there. */
export function isField(target: EventTarget | null): boolean {
  if (target === null || !("closest" in target) || typeof target.closest !== "function") return false;
  return target.closest(TYPED_IN) !== null;
}
