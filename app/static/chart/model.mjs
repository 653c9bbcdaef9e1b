/** Models that the chart is given: what they leave out, where they are, and whether two show the same candles. */

const DEFAULTS = { series: "", timeframe: "", decimals: 2, layers: [], focus: null, as_of: null };

/** The model with all that it may leave out. */
export function completed(model) {
  return { ...DEFAULTS, ...model, place: model.place ?? placeOf(model) };
}

function placeOf({ series = "", candles: { time }, focus }) {
  return JSON.stringify([series, focus ?? (typeof time === "string" ? time.slice(0, 16) : time[0])]);
}

/** Whether two models show the same candles, told by packed columns alone: unpacking and sorting in take longest. */
export function sameCandles(one, other) {
  const names = ["first_bar", "total_bars", "bars_per_candle", "series", "decimals"];
  const packed = typeof other.candles.close === "string";
  const columns = ["time", "open", "high", "low", "close", "volume"];
  return (
    packed &&
    names.every((name) => one[name] === other[name]) &&
    columns.every((name) => one.candles[name] === other.candles[name])
  );
}
