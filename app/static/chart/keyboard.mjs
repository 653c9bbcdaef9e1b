/** Keys of a chart that has the focus: they move and zoom, and reach no shortcut of the page. */

const STEP = 0.25;

/**
 * @returns {() => void} ends listening
 */
export function listenToKeys(root, chart, { onEscape }) {
  const actions = {
    ArrowLeft: (event) => chart.pan(event.shiftKey ? -1 : -STEP),
    ArrowRight: (event) => chart.pan(event.shiftKey ? 1 : STEP),
    "+": () => chart.zoom(1 / 1.5),
    "=": () => chart.zoom(1 / 1.5),
    "-": () => chart.zoom(1.5),
    0: () => chart.resetZoom(),
    Home: () => chart.goTo("first"),
    End: () => chart.goTo("last"),
    Escape: onEscape,
  };
  const listener = (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    action(event);
  };
  root.addEventListener("keydown", listener);
  return () => root.removeEventListener("keydown", listener);
}
