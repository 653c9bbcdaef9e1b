/** One key an action. Keys rest while something is typed, and with Ctrl, Alt or Meta. */

const FAST = 5;

/**
 * @param {import("./deck.mjs").Deck} deck
 * @returns {() => void} ends listening
 */
export function listenToKeys(deck) {
  const listener = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const action = deck.draft ? editing(deck, event) : reviewing(deck, event);
    if (!action) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat && !action.repeats) return;
    deck.pressed(event.timeStamp);
    action();
  };
  window.addEventListener("keydown", listener, true);
  return () => window.removeEventListener("keydown", listener, true);
}

function reviewing(deck, event) {
  const actions = {
    y: () => deck.judge(deck.looksForMissed ? "nothing" : "confirm"),
    x: () => deck.judge("dismiss"),
    s: () => deck.judge("skip"),
    e: () => deck.startCorrecting(),
    a: () => deck.startAdding(),
    u: () => deck.undo(),
    z: () => deck.takeBack(),
    j: repeating(() => deck.step(1)),
    k: repeating(() => deck.step(-1)),
    arrowright: repeating(() => deck.turnPage(1)),
    arrowleft: repeating(() => deck.turnPage(-1)),
    n: () => deck.focusNote(),
    w: () => deck.toggleWhy(),
    f: () => deck.setHidden(!deck.state.view.hidden_after),
    t: () => deck.toggle("filters"),
    h: () => deck.toggle("keys"),
    q: () => deck.setMode("queue"),
    b: () => deck.setMode("browse"),
    0: () => deck.resetZoom(),
    escape: deck.overlay === null ? null : () => deck.toggle(deck.overlay),
  };
  return actions[event.key.toLowerCase()];
}

function editing(deck, event) {
  const { draft } = deck;
  const changed = (change) =>
    repeating(() => {
      change();
      deck.drawPlace();
    });
  const by = event.shiftKey ? FAST : 1;
  const actions = {
    ArrowLeft: changed(() => draft.move(-by)),
    ArrowRight: changed(() => draft.move(by)),
    ArrowUp: changed(() => draft.step(-1)),
    ArrowDown: changed(() => draft.step(1)),
    Tab: changed(() => draft.switchBound()),
    Enter: () => deck.saveDraft(),
    Escape: () => deck.leaveDraft(),
  };
  const label = deck.standing.labels.find((one) => one.key === event.key);
  if (label) return changed(() => (draft.label = label.name));
  return actions[event.key] ?? (event.key.length === 1 ? () => {} : undefined);
}

function repeating(action) {
  return Object.assign(action, { repeats: true });
}

function isTyping(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.tagName === "INPUT") return target.type !== "range" && target.type !== "checkbox";
  return ["SELECT", "TEXTAREA"].includes(target.tagName) || target.isContentEditable;
}
