/** Options of the chart library: those that stay, and those that follow the page's colours. */

import { ColorType, CrosshairMode } from "../vendor/lightweight-charts-5.2.1.mjs";

export function fixedOptions() {
  return {
    autoSize: true,
    rightPriceScale: { borderVisible: false, minimumWidth: 66 },
    timeScale: { borderVisible: false, minBarSpacing: 0.02, enableConflation: true, rightOffset: 2 },
    crosshair: { mode: CrosshairMode.Normal },
    handleScroll: { pressedMouseMove: false },
    handleScale: { axisDoubleClickReset: { time: false, price: true } },
    localization: { locale: "en-GB" },
  };
}

export function themeOptions(theme) {
  const label = theme.dark ? "#3a4656" : "#4a5867";
  return {
    layout: {
      background: { type: ColorType.Solid, color: theme.background },
      textColor: theme.muted,
      fontFamily: theme.font,
      fontSize: 11.5,
    },
    grid: { vertLines: { color: theme.grid }, horzLines: { color: theme.grid } },
    crosshair: {
      vertLine: { color: theme.muted, labelBackgroundColor: label },
      horzLine: { color: theme.muted, labelBackgroundColor: label },
    },
  };
}

/** The candles' colours. */
export function candleOptions({ rising, falling }) {
  return {
    upColor: rising,
    borderUpColor: rising,
    wickUpColor: rising,
    downColor: falling,
    borderDownColor: falling,
    wickDownColor: falling,
  };
}

/** A series without the library's lines at its last value; `more` is what is its own. */
export function quietSeries(more) {
  return { priceLineVisible: false, lastValueVisible: false, ...more };
}
