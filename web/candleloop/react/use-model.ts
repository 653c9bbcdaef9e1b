"use client";
/** The model that serves, and the others that could. */

import { useMutation, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import { wordsUnlessAway } from "../client/call";
import type { ModelDescription, StoredModel } from "../types";
import { type Line, READ_AGAIN_MS, type ServiceLine } from "./use-service";

export interface ModelLine {
  model: ModelDescription | null;
  models: readonly StoredModel[];
  load_model: (runId: string) => void;
  model_error: string | null;
  /** Asks which model serves where another version than the known one was heard of. */
  heard: (version: string | null) => void;
  /** When it was last read: Unix ms. */
  model_at: number;
  ask_again: () => void;
}

const NO_MODELS: readonly StoredModel[] = [];
/** The service's processes take up another model within 5 s; until then some still name the one before. */
const FOLLOWED_WITHIN_MS = 10_000;

/** Returns the model that serves; asked again whenever another may. */
export function useModel(line: Line, { service, health, health_at }: ServiceLine): ModelLine {
  const { client, endpoints } = line;
  const isUp = service.state === "up";
  const ask_again = useCallback(
    (how: { cancelRefetch?: boolean } = {}) => {
      void client.invalidateQueries({ queryKey: ["model"] }, how);
      void client.invalidateQueries({ queryKey: ["models"] }, how);
    },
    [client],
  );
  const load = useMutation(
    { mutationFn: (runId: string) => endpoints.load(runId), onSettled: () => ask_again() },
    client,
  );
  const awaited = load.data?.model_info.model_version;
  const model = useQuery(
    {
      queryKey: ["model", endpoints.base],
      queryFn: ({ signal }) => endpoints.model(signal),
      refetchInterval: ({ state }) => {
        if (state.status === "error") return READ_AGAIN_MS;
        const isThere = awaited === undefined || state.data?.model_info.model_version === awaited;
        return isThere || Date.now() > load.submittedAt + FOLLOWED_WITHIN_MS ? false : 1000;
      },
      enabled: isUp,
    },
    client,
  );
  const models = useQuery(
    {
      queryKey: ["models", endpoints.base],
      queryFn: ({ signal }) => endpoints.models(signal),
      enabled: isUp,
    },
    client,
  );
  const version = model.data?.model_info.model_version ?? null;
  const heard = useCallback(
    (named: string | null) => {
      const known = client.getQueryData<ModelDescription>(["model", endpoints.base]);
      if (known !== undefined && named !== known.model_info.model_version) ask_again();
    },
    [client, endpoints, ask_again],
  );
  useEffect(() => {
    if (health_at > 0 && health !== null) heard(health.model_version);
  }, [health, health_at, heard]);
  useEffect(() => {
    // What is being asked for at this moment is not asked for twice.
    if (isUp) ask_again({ cancelRefetch: false });
  }, [isUp, ask_again]);
  const { mutate } = load;
  const load_model = useCallback((runId: string) => mutate(runId), [mutate]);
  return {
    model: version === null ? null : (model.data ?? null),
    models: models.data ?? NO_MODELS,
    load_model,
    model_error: wordsUnlessAway(load.error) ?? wordsUnlessAway(model.error) ?? wordsUnlessAway(models.error),
    heard,
    model_at: model.dataUpdatedAt,
    ask_again,
  };
}
