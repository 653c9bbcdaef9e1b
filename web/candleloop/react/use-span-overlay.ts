"use client";

import type { IChartApi, ISeriesApi } from "lightweight-charts";
import { type RefObject, useEffect, useEffectEvent, useLayoutEffect, useState } from "react";
import { ChartPointer, type OverlayTheme, SpanOverlay, SpanTip } from "../overlay";
import { annotationIdOf } from "../spans/view";
import type { Candle, TimeRange } from "../types";
import { usePredictions } from "./provider";

export interface ChartParts {
  chart: IChartApi;
  series: ISeriesApi<"Candlestick">;
}

export interface SpanOverlayOptions {
  /** The element that the chart fills. */
  element: RefObject<HTMLElement | null>;
  /** All that are loaded, oldest first. */
  candles: readonly Candle[];
  theme?: OverlayTheme | undefined;
  /** While true, two clicks mark a range. */
  placing?: boolean | undefined;
  onPlaced?: ((range: TimeRange) => void) | undefined;
  /** Escape gave up the marking. */
  onGivenUp?: (() => void) | undefined;
  /** The bounds of a person's own span were dragged. Without it, the span goes back. */
  onAnnotationMoved?: ((id: string, range: TimeRange) => void) | undefined;
}

interface Made {
  overlay: SpanOverlay;
  pointer: ChartPointer;
  tip: SpanTip;
}

/**
 * Draws the spans on a chart and makes them answer to the pointer: a click selects, Alt, Ctrl or Meta click dismisses
 * a prediction, dragging a bound of the selected one corrects it. Null charts wait.
 */
export function useSpanOverlay(parts: ChartParts | null, options: SpanOverlayOptions): void {
  const { spans, selected_key } = usePredictions();
  const made = useMade(parts, options);
  const { candles, theme, placing = false } = options;
  useEffect(() => made?.overlay.setCandles(candles), [made, candles]);
  useEffect(() => {
    made?.overlay.setSpans(spans);
    // What it tells of may be gone.
    made?.tip.tell(null, 0, 0);
  }, [made, spans]);
  useShownSelection(parts, made, selected_key);
  useEffect(() => {
    if (theme === undefined) return;
    made?.overlay.setTheme(theme);
    made?.tip.setTheme(theme);
  }, [made, theme]);
  useEffect(() => {
    if (made !== null) made.pointer.placing = placing;
  }, [made, placing]);
}

/** Emphasises what is selected, and moves the chart to it where it is out of sight. */
function useShownSelection(parts: ChartParts | null, made: Made | null, key: string | null): void {
  useEffect(() => {
    made?.overlay.setSelected(key);
    const extent = key === null ? null : (made?.overlay.extent(key) ?? null);
    const scale = parts?.chart.timeScale();
    const range = scale?.getVisibleLogicalRange() ?? null;
    if (extent === null || range === null) return;
    if (extent.first >= range.from && extent.last <= range.to) return;
    const half = Math.max(range.to - range.from, 1.2 * (extent.last - extent.first)) / 2;
    const middle = (extent.first + extent.last) / 2;
    scale?.setVisibleLogicalRange({ from: middle - half, to: middle + half });
  }, [parts, made, key]);
}

function useMade(parts: ChartParts | null, options: SpanOverlayOptions): Made | null {
  const { select, verdicts, spans } = usePredictions();
  const [made, setMade] = useState<Made | null>(null);
  const picked = useEffectEvent((key: string | null, { dismiss }: { dismiss: boolean }) => {
    if (!dismiss) select(key);
    else if (key !== null && annotationIdOf(key) === null) verdicts.dismiss(key);
  });
  const moved = useEffectEvent((overlay: SpanOverlay, key: string, range: TimeRange) => {
    const id = annotationIdOf(key);
    if (id === null || verdicts.is_given(key)) verdicts.correct(key, range);
    else if (options.onAnnotationMoved === undefined) overlay.setSpans(spans);
    else options.onAnnotationMoved(id, range);
  });
  const placed = useEffectEvent((range: TimeRange) => options.onPlaced?.(range));
  const givenUp = useEffectEvent(() => options.onGivenUp?.());
  const { element } = options;
  // Its end comes before that of a chart that the host made in an effect: a chart that is removed answers nothing.
  useLayoutEffect(() => {
    if (parts === null || element.current === null) return;
    const overlay = new SpanOverlay();
    const tip = new SpanTip(element.current);
    parts.series.attachPrimitive(overlay);
    const pointer = new ChartPointer(element.current, parts.chart, overlay, {
      onPick: (key, how) => picked(key, how),
      onHover: (hit, x, y) => {
        overlay.setHovered(hit?.key ?? null);
        tip.tell(hit === null ? null : overlay.span(hit.key), x, y);
      },
      onMoved: (key, range) => {
        tip.tell(null, 0, 0);
        moved(overlay, key, range);
      },
      onPlaced: (range) => placed(range),
      onGivenUp: () => givenUp(),
    });
    const end = pointer.listen();
    setMade({ overlay, pointer, tip });
    return () => {
      setMade(null);
      end();
      tip.remove();
      parts.series.detachPrimitive(overlay);
    };
  }, [parts, element]);
  return made;
}
