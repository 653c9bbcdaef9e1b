"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { call } from "@/candleloop/client/call";
import type { Candle, Series } from "@/candleloop/types";

const PAGE = 5_000;
const BASE = "/api";

interface Page {
  candles: Candle[];
  candle_count: number;
}

interface Candles {
  /** Every candle loaded, oldest first. */
  candles: readonly Candle[];
  /** Loads older ones; nothing where there are none, or while some are on their way. */
  loadOlder: () => void;
  error: Error | null;
  isLoading: boolean;
}

/** The newest candles of a series, and older ones as they are asked for. */
export function useCandles({ pair, timeframe }: Series): Candles {
  const { data, fetchNextPage, hasNextPage, isFetching, error, isPending } = useInfiniteQuery({
    queryKey: ["candles", pair, timeframe],
    queryFn: ({ pageParam, signal }) => {
      const query = { pair, timeframe, limit: PAGE, end_time: pageParam };
      return call<Page>(BASE, "/candles", { query, signal });
    },
    initialPageParam: null as number | null,
    getNextPageParam: ({ candles, candle_count }) => {
      const first = candles[0];
      return first === undefined || candle_count <= candles.length ? null : first.time - 1;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  const candles = useMemo(() => [...(data?.pages ?? [])].reverse().flatMap((page) => page.candles), [data]);
  const loadOlder = () => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  };
  return { candles, loadOlder, error, isLoading: isPending };
}
