"use client";

import type { MouseEventParams } from "lightweight-charts";
import { useLayoutEffect, useState } from "react";
import type { Candle, Series } from "@/candleloop/types";
import { wordsOf } from "./series-address";
import styles from "./standalone.module.css";
import type { Chart } from "./use-chart";

interface Props {
  made: Chart | null;
  candles: readonly Candle[];
  series: Series;
}

/** The candle under the pointer, else the newest; and what the strokes mean. */
export function Legend({ made, candles, series }: Props) {
  const [index, setIndex] = useState<number | null>(null);
  // Before the chart goes: it answers nothing once it is removed.
  useLayoutEffect(() => {
    if (made === null) return;
    const moved = ({ logical }: MouseEventParams) => setIndex(logical === undefined ? null : Number(logical));
    made.chart.subscribeCrosshairMove(moved);
    return () => made.chart.unsubscribeCrosshairMove(moved);
  }, [made]);
  const candle = (index === null ? undefined : candles[index]) ?? candles.at(-1);
  if (candle === undefined) return null;
  const decimals = made?.series.options().priceFormat;
  const digits = decimals?.type === "price" ? decimals.precision : 2;
  return (
    <p className={styles.legend}>
      <b>{wordsOf(series)}</b>
      <time>{new Date(1000 * candle.time).toISOString().slice(0, 16).replace("T", " ")} UTC</time>
      {(["open", "high", "low", "close"] as const).map((name) => (
        <span key={name}>
          <i>{name.charAt(0).toUpperCase()}</i> {candle[name].toFixed(digits)}
        </span>
      ))}
      <span className={styles.strokes}>
        <i data-stroke="solid" /> people <i data-stroke="dashed" /> model <i data-stroke="dotted" /> TA-Lib
      </span>
    </p>
  );
}
