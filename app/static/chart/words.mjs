/** Times and numbers as people read them; times are UTC. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Whether candles of a timeframe are shorter than a day. */
export function isIntraday(timeframe) {
  return /^\d+[mh]$/.test(timeframe);
}

/** The open of a candle, to the minute below one day. */
export function candleTime(time, timeframe) {
  const moment = new Date(time * 1000);
  const day = `${moment.getUTCDate()} ${MONTHS[moment.getUTCMonth()]} ${moment.getUTCFullYear()}`;
  return isIntraday(timeframe) ? `${day} ${moment.toISOString().slice(11, 16)}` : day;
}

/** A volume to four figures, with a letter for its thousands. */
export function volumeWords(volume) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (volume >= size) return `${Number((volume / size).toPrecision(4))}${letter}`;
  }
  return `${Number(volume.toPrecision(4))}`;
}

/** A number with its noun. */
export function count(n, one) {
  return `${n.toLocaleString("en-GB")} ${n === 1 ? one : `${one}s`}`;
}
