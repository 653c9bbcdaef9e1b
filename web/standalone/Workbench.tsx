"use client";

import { useQuery } from "@tanstack/react-query";
import type { LogicalRange } from "lightweight-charts";
import { useCallback, useEffect, useMemo, useState } from "react";
import { call } from "@/candleloop/client/call";
import {
  type Annotations,
  KEY_BINDINGS,
  PredictionsProvider,
  ServiceBanner,
  useAnnotations,
} from "@/candleloop/react";
import { snappedRange } from "@/candleloop/spans/candle-axis";
import type { Label, StoredSeries, TimeRange } from "@/candleloop/types";
import { Bench } from "./Bench";
import { paletteOf } from "./palette";
import styles from "./standalone.module.css";
import { useAnnotator } from "./use-annotator";
import { useCandles } from "./use-candles";

interface Props {
  series: StoredSeries;
  stored: readonly StoredSeries[];
  onChoose: (series: StoredSeries) => void;
}

/** A series that is annotated: its candles, labels and annotations, and the predictions beside them. */
export function Workbench({ series, stored, onChoose }: Props) {
  const { pair, timeframe } = series;
  const { candles, loadOlder, error, isLoading } = useCandles(series);
  const [annotator, setAnnotator] = useAnnotator();
  const kept = useAnnotations({ pair, timeframe, annotator: annotator || undefined });
  const [visible, setVisible] = useState<TimeRange | null>(null);
  const palette = usePalette(kept);
  const colors = useMemo(() => new Map(palette.map(({ name, color }) => [name, color])), [palette]);
  const sought = useMemo(() => palette.map(({ name }) => name), [palette]);
  const shown = useCallback(() => visible, [visible]);
  const seen = useCallback(
    (range: LogicalRange) => {
      if (range.from < LOADS_BEFORE) loadOlder();
      setVisible(snappedRange(candles, range.from, range.to));
    },
    [candles, loadOlder],
  );
  return (
    <PredictionsProvider
      pair={pair}
      timeframe={timeframe}
      candles={candles}
      visible={shown}
      visible_range={visible}
      annotations={kept.annotations}
      sought={sought}
      colors={colors}
      annotator={annotator || undefined}
      onAnnotation={kept.received}
      onRetraction={kept.retracted}
    >
      <div className={styles.workbench}>
        <ServiceBanner />
        <Bench
          series={series}
          stored={stored}
          onChoose={onChoose}
          candles={candles}
          notice={noticeOf(error, isLoading)}
          onVisible={seen}
          kept={kept}
          palette={palette}
          annotator={annotator}
          onAnnotator={setAnnotator}
        />
      </div>
    </PredictionsProvider>
  );
}

/** Older candles are loaded once fewer than so many lie left of what is visible. */
const LOADS_BEFORE = 200;
const TAKEN: ReadonlySet<string> = new Set(["z", ...KEY_BINDINGS.map(({ key }) => key)]);

function noticeOf(error: Error | null, isLoading: boolean): string | null {
  if (error !== null) return `${error.message}. The candles are asked for again every 5 seconds.`;
  return isLoading ? "Loading candles …" : null;
}

/** The palette, asked for anew once a label that it lacks is stored; one that was had stays while that fails. */
function usePalette({ annotations, waiting }: Annotations) {
  const { data, refetch } = useQuery({
    queryKey: ["labels"],
    queryFn: ({ signal }) => call<Label[]>("/api", "/labels", { signal }),
  });
  const lacks = useMemo(() => {
    const given = new Set(data?.filter(({ people }) => people > 0).map(({ name }) => name));
    return annotations.some(({ label }) => !given.has(label));
  }, [annotations, data]);
  const stored = waiting === 0;
  useEffect(() => {
    if (lacks && stored) void refetch({ cancelRefetch: false });
  }, [lacks, stored, refetch]);
  return useMemo(() => paletteOf(data ?? [], TAKEN), [data]);
}
