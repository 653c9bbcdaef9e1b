"use client";

import { type Query, QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call, ServiceError } from "@/candleloop/client/call";
import { changesKept } from "@/candleloop/client/outboxes";
import type { StoredSeries } from "@/candleloop/types";
import { chosenIn, withChosen } from "./series-address";
import styles from "./standalone.module.css";
import { Workbench } from "./Workbench";

/** The whole annotation tool: chooses a series and opens it. */
export function Standalone() {
  const [client] = useState(newClient);
  return (
    <QueryClientProvider client={client}>
      <ChosenSeries />
    </QueryClientProvider>
  );
}

/** What was asked for in vain is asked for again every 5 s, without a network too: the service may be here. */
function newClient(): QueryClient {
  const queries = {
    retry: false,
    networkMode: "always",
    refetchInterval: ({ state }: Query) => (state.status === "error" ? 5_000 : false),
  } as const;
  return new QueryClient({ defaultOptions: { queries } });
}

function ChosenSeries() {
  const [query, setQuery] = useState(() => (typeof location === "undefined" ? "" : location.search));
  const { data, error, refetch } = useQuery({
    queryKey: ["series"],
    queryFn: ({ signal }) => call<StoredSeries[]>("/api", "/candles/series", { signal }),
  });
  if (data === undefined && error === null) return <Notice title="Looking for series …" />;
  if (data === undefined) {
    return (
      <Notice title={isKeyless(error) ? "The service asks for a key" : "The service is away"}>
        {error?.message}
        {isKeyless(error) && " Set INFERENCE_API_KEY for the server of this page, and start it again."} It is
        asked again every 5 seconds.{keptWords(changesKept("/api"))}{" "}
        <button type="button" onClick={() => refetch()}>
          Ask now
        </button>
      </Notice>
    );
  }
  const chosen = chosenIn(query, data);
  if (chosen === null) {
    return (
      <Notice title="No candles yet">
        Import some on the console&rsquo;s Data page, or with <code>candleloop candles import</code>, and
        reload.
      </Notice>
    );
  }
  const choose = (series: StoredSeries) => {
    const changed = withChosen(location.search, series);
    history.replaceState(null, "", changed);
    setQuery(changed);
  };
  return (
    <Workbench key={`${chosen.pair} ${chosen.timeframe}`} series={chosen} stored={data} onChoose={choose} />
  );
}

function keptWords(changes: number): string {
  if (changes === 0) return "";
  const what = changes === 1 ? "A change of yours is" : `${changes} changes of yours are`;
  return ` ${what} kept in this browser, and sent once it answers.`;
}

function isKeyless(error: Error | null): boolean {
  return error instanceof ServiceError && error.failure === "forbidden";
}

function Notice({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <main className={styles.notice}>
      <h1>{title}</h1>
      {children !== undefined && <p>{children}</p>}
    </main>
  );
}
