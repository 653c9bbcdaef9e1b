/** The candles that are loaded: a stretch of a series, each candle standing for one or several of its bars. */

/**
 * Numbers as they came: a typed array, an array, or base64 of little-endian float64.
 * @param {string|ArrayLike<number>|null} packed
 * @returns {ArrayLike<number>|null}
 */
export function unpacked(packed) {
  if (typeof packed !== "string") return packed;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

export class CandleData {
  /**
   * @param {{time, open, high, low, close, volume}} candles columns of one length; `volume` may be null
   * @param {{firstBar?: number, totalBars?: number, barsPerCandle?: number}} place in the series
   */
  constructor(candles, { firstBar = 0, totalBars, barsPerCandle = 1 } = {}) {
    for (const name of ["time", "open", "high", "low", "close", "volume"]) {
      this[name] = unpacked(candles[name] ?? null);
    }
    this.firstBar = firstBar;
    this.barsPerCandle = barsPerCandle;
    this.totalBars = totalBars ?? this.length;
  }

  get length() {
    return this.time.length;
  }

  /** The last candle that opens at or before a time, or -1. */
  indexAt(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /**
   * First and last candle of a closed range of times, cut at what is loaded, or null beside it. Where a candle
   * stands for several bars, the one with the first bar and the one with the last.
   */
  extent(startTime, endTime) {
    const last = this.indexAt(endTime);
    const at = this.indexAt(startTime);
    const beganBefore = at < 0 || (this.barsPerCandle === 1 && this.time[at] < startTime);
    const first = beganBefore ? at + 1 : at;
    return last < first ? null : [first, last];
  }

  /** Lowest low and highest high of the candles from first to last. */
  lowHigh(first, last) {
    let low = this.low[first];
    let high = this.high[first];
    for (let i = first + 1; i <= last; i += 1) {
      if (this.low[i] < low) low = this.low[i];
      if (this.high[i] > high) high = this.high[i];
    }
    return [low, high];
  }

  /** The bar of the series at a place on the time scale; places between candles are fractions. */
  barAt(logical) {
    return this.firstBar + logical * this.barsPerCandle + (this.barsPerCandle - 1) / 2;
  }

  /** The place on the time scale of a bar of the series. */
  logicalOf(bar) {
    return (bar - this.firstBar - (this.barsPerCandle - 1) / 2) / this.barsPerCandle;
  }

  /** Rows as the candlestick series takes them. */
  candleRows() {
    return Array.from(this.time, (time, i) => ({
      time,
      open: this.open[i],
      high: this.high[i],
      low: this.low[i],
      close: this.close[i],
    }));
  }

  /** Rows as the histogram series takes them, in the colours of rising and falling candles. */
  volumeRows(rising, falling) {
    if (this.volume === null) return [];
    return Array.from(this.time, (time, i) => ({
      time,
      value: this.volume[i],
      color: this.close[i] < this.open[i] ? falling : rising,
    }));
  }
}
