/** Colours and type from the page around the chart, so that it is light or dark as the page is. */

const FALLBACKS = { light: ["#fbfcfd", "#1d2733", "#dde4ea"], dark: ["#11161d", "#dbe3ec", "#2a3441"] };

/**
 * @param {Element} element
 * @returns {{background, text, muted, border, grid, rising, falling, outlines: {orange, yellow}, font, dark}}
 */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const scheme = globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const [background, text, border] = ["background-color", "text-color", "border-color"].map(
    (name, i) => style.getPropertyValue(`--st-${name}`).trim() || FALLBACKS[scheme][i],
  );
  const dark = luminance(background) < 128;
  return {
    background,
    text,
    muted: faded(text, 0.62),
    border,
    grid: faded(text, 0.07),
    rising: "#26a69a",
    falling: "#e0625e",
    outlines: { orange: dark ? "#ff9f43" : "#e8710a", yellow: dark ? "#ffd84d" : "#d9a800" },
    font: style.getPropertyValue("--st-font").trim() || "system-ui, sans-serif",
    dark,
  };
}

/** A colour with an opacity, as `rgba(…)`. */
export function faded(color, opacity) {
  const [red, green, blue] = channels(color);
  return `rgba(${red},${green},${blue},${opacity})`;
}

/** Black or white, whichever reads better on a colour. */
export function readableOn(color) {
  return luminance(color) > 150 ? "#14181d" : "#ffffff";
}

function luminance(color) {
  const [red, green, blue] = channels(color);
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

function channels(color) {
  if (/^#[0-9a-f]{6}$/i.test(color)) return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
  const numbers = color.match(/[\d.]+/g);
  return numbers && numbers.length >= 3 ? numbers.slice(0, 3).map(Number) : [128, 128, 128];
}

export const CSS = `
.candle-chart {position: relative; width: 100%; height: 100%; overflow: hidden; outline: none;
  border-radius: 0.5rem; font-size: 12px; line-height: 1.35; user-select: none;}
.candle-chart:focus-visible::after {content: ""; position: absolute; inset: 0; z-index: 5; pointer-events: none;
  border: 2px solid var(--st-primary-color, #2f6fb2); border-radius: inherit;}
.candle-chart .canvas {position: absolute; inset: 0;}
.candle-chart.selecting .canvas {cursor: crosshair;}
.candle-chart.over-span:not(.selecting) .canvas {cursor: pointer;}
.candle-chart .legend {position: absolute; top: 6px; left: 10px; right: 90px; z-index: 3; pointer-events: none;
  font-variant-numeric: tabular-nums; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;}
.candle-chart .legend b {font-weight: 600; margin-right: 0.6em;}
.candle-chart .legend i {font-style: normal; opacity: 0.6; margin: 0 0.25em 0 0.7em;}
.candle-chart .note {position: absolute; left: 10px; top: 24px; z-index: 3; pointer-events: none; opacity: 0.7;}
.candle-chart .tip {position: absolute; z-index: 4; pointer-events: none; max-width: 300px; padding: 7px 10px;
  border-radius: 6px; border: 1px solid; box-shadow: 0 4px 14px rgba(0,0,0,0.18); white-space: pre-line;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;}
.candle-chart .tip section + section {margin-top: 6px; padding-top: 6px; border-top: 1px solid; border-color: inherit;}
.candle-chart .tip strong {font-weight: 600;}
.candle-chart .range {position: absolute; top: 0; z-index: 2; pointer-events: none; border: 0 solid;
  border-left-width: 1.5px; border-right-width: 1.5px;}
.candle-chart .range span {position: absolute; top: 26px; left: 50%; transform: translateX(-50%); padding: 1px 7px;
  border-radius: 9px; white-space: nowrap; font-variant-numeric: tabular-nums;}
.candle-chart .spoken {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);}
`;
