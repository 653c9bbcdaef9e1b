"use client";

import type { LogicalRange } from "lightweight-charts";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import {
  type Annotations,
  PredictionPanel,
  usePredictionKeys,
  usePredictions,
  useSpanOverlay,
  VerdictBar,
} from "@/candleloop/react";
import type { Candle, StoredSeries } from "@/candleloop/types";
import { AnnotationEditor } from "./AnnotationEditor";
import { themeOf } from "./chart-theme";
import { LabelPalette } from "./LabelPalette";
import { Legend } from "./Legend";
import type { Choice } from "./palette";
import styles from "./standalone.module.css";
import { TopBar } from "./TopBar";
import { useAnnotatingKeys } from "./use-annotating-keys";
import { useChart, useDrawnCandles, useVisibleRange } from "./use-chart";
import { useDark } from "./use-dark";

interface Props {
  series: StoredSeries;
  stored: readonly StoredSeries[];
  onChoose: (series: StoredSeries) => void;
  candles: readonly Candle[];
  /** Why there are no candles yet; null once there are. */
  notice: string | null;
  onVisible: (range: LogicalRange) => void;
  kept: Annotations;
  palette: readonly Choice[];
  annotator: string;
  onAnnotator: (name: string) => void;
}

/** The list of labels in the verdict bar takes the focus. */
function openCorrection(): void {
  document.querySelector<HTMLSelectElement>("[data-correct]")?.focus();
}

/** The chart with its bars and the panel; what is clicked, drawn and dragged on it. */
export function Bench(props: Props) {
  const { series, candles, kept, palette } = props;
  const { model, service } = usePredictions();
  const [armed, setArmed] = useState<string | null>(null);
  const candlesCame = useEffectEvent(() => {
    if (candles.length > 0 && service.state === "down") service.ask_now();
  });
  useEffect(() => {
    // They say that the service is back.
    if (candles.length > 0) candlesCame();
  }, [candles]);
  const element = useRef<HTMLDivElement>(null);
  const theme = themeOf(useDark());
  const made = useChart(element, theme);
  useDrawnCandles(made, candles);
  useVisibleRange(made, element, props.onVisible);
  useSpanOverlay(made, {
    element,
    theme,
    candles,
    placing: armed !== null,
    onPlaced: (range) => armed !== null && kept.annotate({ label: armed, ...range }),
    onAnnotationMoved: kept.alter,
  });
  usePredictionKeys({ onCorrect: openCorrection });
  useAnnotatingKeys({ palette, armed, onArm: setArmed, onRemove: kept.remove, undo: kept.undo });
  const names = useMemo(
    () => [...new Set([...palette.map(({ name }) => name), ...(model?.model_info.label_names ?? [])])].sort(),
    [palette, model],
  );
  return (
    <>
      <TopBar {...props} />
      <LabelPalette palette={palette} armed={armed} onArm={setArmed} />
      <div className={styles.desk}>
        <div className={styles.stage}>
          <div ref={element} className={styles.chart} data-chart data-placing={armed !== null} />
          <Legend made={made} candles={candles} series={series} />
          {candles.length === 0 && <p className={styles.loading}>{props.notice}</p>}
        </div>
        <PredictionPanel />
      </div>
      <VerdictBar labels={names}>
        {({ annotation }) =>
          annotation !== null && (
            <AnnotationEditor
              annotation={annotation}
              labels={names}
              onChange={(change) => kept.alter(annotation.id, change)}
              onRemove={() => kept.remove(annotation.id)}
            />
          )
        }
      </VerdictBar>
    </>
  );
}
