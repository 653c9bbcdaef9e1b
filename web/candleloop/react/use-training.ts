"use client";
/** A training, from its start to its end. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { ServiceError, wordsUnlessAway } from "../client/call";
import type { Series, StoredModel, TrainingRun } from "../types";
import type { Training } from "./predictions";
import type { Line } from "./use-service";

const FOLLOWED_EVERY_MS = 1000;

/** The series of one timeframe that a training learns from. */
export interface Lesson {
  pairs: readonly string[];
  timeframe: string;
}

/** Returns the chart's series with those of the champion: a training without them would forget what it knows. */
export function lessonFor(models: readonly StoredModel[], { pair, timeframe }: Series): Lesson {
  const champion = models.find((one) => one.is_champion && one.timeframe === timeframe);
  return { pairs: [...new Set([pair, ...(champion?.pairs ?? [])])], timeframe };
}

/** Returns the training that is under way, whoever started it, and calls `onEnd` once it has ended. */
export function useTraining(line: Line, lesson: Lesson, isUp: boolean, onEnd: () => void): Training {
  const { client, endpoints } = line;
  const [followed, setFollowed] = useState<string | null>(null);
  const found = useQuery(
    {
      queryKey: ["training", endpoints.base],
      queryFn: async ({ signal }) => (await endpoints.trainingRuns(signal)).find(isActive) ?? null,
      enabled: isUp,
    },
    client,
  );
  const runId = followed ?? found.data?.run_id ?? null;
  const run = useRun(line, runId, isUp);
  const start = useMutation(
    {
      mutationFn: (modelType: string) =>
        endpoints.startTraining({
          model_type: modelType,
          pairs: [...lesson.pairs],
          timeframe: lesson.timeframe,
        }),
      onSuccess: (started) => setFollowed(started.run_id),
      // The run in the way is what is worth following.
      onError: (error) => {
        if (error instanceof ServiceError && error.run_id !== null) setFollowed(error.run_id);
      },
    },
    client,
  );
  const cancel = useMutation(
    {
      mutationFn: (id: string) => endpoints.cancelTraining(id),
      onSettled: () => client.invalidateQueries({ queryKey: ["run"] }),
    },
    client,
  );
  const shown = run.data ?? (runId === null || followed !== null ? null : (found.data ?? null));
  useEnd(shown, () => {
    // What was in the way is so no longer.
    start.reset();
    cancel.reset();
    onEnd();
  });
  const { mutate: mutateStart, isPending } = start;
  const { mutate: mutateCancel } = cancel;
  const failed = start.error ?? cancel.error ?? run.error;
  return {
    pairs: lesson.pairs,
    run: shown,
    is_active: isPending || (shown !== null && isActive(shown)),
    error: wordsUnlessAway(failed),
    start: useCallback((modelType: string) => mutateStart(modelType), [mutateStart]),
    cancel: useCallback(() => runId !== null && mutateCancel(runId), [mutateCancel, runId]),
  };
}

function useRun({ client, endpoints }: Line, runId: string | null, isUp: boolean) {
  return useQuery(
    {
      queryKey: ["run", endpoints.base, runId],
      queryFn: ({ signal }) => endpoints.trainingRun(runId ?? "", signal),
      // An answer in vain is no end: it is asked again until the run says itself that it has ended.
      refetchInterval: ({ state }) =>
        state.data === undefined || isActive(state.data) ? FOLLOWED_EVERY_MS : false,
      enabled: isUp && runId !== null,
    },
    client,
  );
}

function useEnd(run: TrainingRun | null, onEnd: () => void): void {
  const seenActive = useRef<string | null>(null);
  useEffect(() => {
    if (run === null) return;
    if (isActive(run)) {
      seenActive.current = run.run_id;
    } else if (seenActive.current === run.run_id) {
      seenActive.current = null;
      onEnd();
    }
  }, [run, onEnd]);
}

function isActive({ status }: TrainingRun): boolean {
  return status === "queued" || status === "running";
}
