/** Options of the chart library in the page's colours. */

import { type ChartOptions, ColorType, CrosshairMode, type DeepPartial } from "lightweight-charts";

export interface ChartTheme {
  background: string;
  text: string;
  muted: string;
  grid: string;
  font: string;
  outlines: { orange: string; yellow: string };
}

const FONT = "system-ui, sans-serif";
const LIGHT: ChartTheme = {
  background: "#fbfcfd",
  text: "#1d2733",
  muted: "#66717d",
  grid: "#eef1f4",
  font: FONT,
  outlines: { orange: "#e8710a", yellow: "#d9a800" },
};
const DARK: ChartTheme = {
  background: "#11161d",
  text: "#dbe3ec",
  muted: "#8c97a3",
  grid: "#1d2530",
  font: FONT,
  outlines: { orange: "#ff9f43", yellow: "#ffd84d" },
};

export const CANDLE_COLORS = {
  upColor: "#26a69a",
  borderUpColor: "#26a69a",
  wickUpColor: "#26a69a",
  downColor: "#e0625e",
  borderDownColor: "#e0625e",
  wickDownColor: "#e0625e",
};

export function themeOf(isDark: boolean): ChartTheme {
  return isDark ? DARK : LIGHT;
}

export function chartOptions({ background, muted, grid, font }: ChartTheme): DeepPartial<ChartOptions> {
  const label = { labelBackgroundColor: "#4a5867" };
  return {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: background },
      textColor: muted,
      fontFamily: font,
      fontSize: 11.5,
    },
    grid: { vertLines: { color: grid }, horzLines: { color: grid } },
    crosshair: {
      mode: CrosshairMode.Normal,
      vertLine: { color: muted, ...label },
      horzLine: { color: muted, ...label },
    },
    rightPriceScale: { borderVisible: false, minimumWidth: 66, scaleMargins: { top: 0.08, bottom: 0.04 } },
    timeScale: { borderVisible: false, timeVisible: true, minBarSpacing: 0.1, rightOffset: 4 },
    localization: { locale: "en-GB" },
  };
}
