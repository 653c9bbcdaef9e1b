"use client";
/** The line to the service: its calls, the queries' client, and whether it answers. */

import { QueryClient, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { wordsOf } from "../client/call";
import { type Endpoints, endpointsOf } from "../client/endpoints";
import type { Health } from "../types";
import type { Service } from "./predictions";

const HEALTH_EVERY_MS = 30_000;
/** What was asked for in vain is asked for again after so long. */
export const READ_AGAIN_MS = 30_000;

export interface Line {
  client: QueryClient;
  endpoints: Endpoints;
}

export interface ServiceLine {
  service: Service;
  health: Health | null;
  /** When the last health came, so that each can be acted on. */
  health_at: number;
}

/** Returns the calls of a service and a client for queries of its own; a call in vain asks for the health. */
export function useLine(base: string): Line {
  const [client] = useState(newClient);
  return useMemo(() => {
    const onAway = () => void client.refetchQueries({ queryKey: ["health", base] }, { cancelRefetch: false });
    return { client, endpoints: endpointsOf(base, onAway) };
  }, [client, base]);
}

/** Returns whether the service answers, asked at once and every 30 s. */
export function useService({ client, endpoints }: Line, enabled: boolean): ServiceLine {
  const health = useQuery(
    {
      queryKey: ["health", endpoints.base],
      queryFn: ({ signal }) => endpoints.health(signal),
      refetchInterval: HEALTH_EVERY_MS,
      refetchIntervalInBackground: true,
      enabled,
    },
    client,
  );
  const { refetch } = health;
  const ask_now = useCallback(() => void refetch({ cancelRefetch: false }), [refetch]);
  const state = health.isPending ? "asking" : health.isError ? "down" : "up";
  const error = health.isError ? wordsOf(health.error) : null;
  const service = useMemo(() => ({ state, error, ask_now }) as const, [state, error, ask_now]);
  return { service, health: health.data ?? null, health_at: health.dataUpdatedAt };
}

function newClient(): QueryClient {
  // `always`: a service on this machine answers without a network.
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: false,
        networkMode: "always",
        staleTime: Number.POSITIVE_INFINITY,
        refetchInterval: ({ state }) => (state.status === "error" ? READ_AGAIN_MS : false),
      },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}
