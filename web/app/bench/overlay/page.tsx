"use client";

import { useEffect, useRef } from "react";
import { benchChart } from "./bench-chart";

/** Candles of a random walk under made-up spans, for `benchmarks/overlay.py`; nothing leads here. */
export default function OverlayBench() {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (element.current === null) return;
    return benchChart(element.current, new URLSearchParams(window.location.search));
  }, []);
  return <div ref={element} style={{ position: "fixed", inset: 0 }} />;
}
