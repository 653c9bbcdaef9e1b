/** One request to the inference service. */

import type { Settings } from "./settings";

export interface Asked {
  method: string;
  /** With its query. */
  path: string;
  body: Uint8Array<ArrayBuffer> | null;
  accept: string | null;
  /** It changes nothing, so that it may be sent once more. */
  pure: boolean;
  batch: boolean;
}

/** What undici says where a connection ended under a request: a kept one is stale once the service has restarted. */
const CUT_OFF = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"];

/** The service's answer; a pure request whose connection was cut is sent a second time. */
export async function ask<Answer>(
  asked: Asked,
  settings: Settings,
  { signal, read }: { signal: AbortSignal; read: (response: Response) => Promise<Answer> },
): Promise<Answer> {
  const attempt = async () =>
    read(await fetch(`${settings.url}${asked.path}`, initOf(asked, settings, signal)));
  try {
    return await attempt();
  } catch (error) {
    if (!asked.pure || signal.aborted || !wasCutOff(error)) throw error;
    return attempt();
  }
}

function initOf(asked: Asked, settings: Settings, signal: AbortSignal): RequestInit {
  const headers = new Headers({ Accept: asked.accept ?? "application/json" });
  if (asked.body !== null) headers.set("Content-Type", "application/json");
  if (settings.key !== null) headers.set("Authorization", `Bearer ${settings.key}`);
  // The key goes nowhere else: a redirect is not followed.
  return { method: asked.method, headers, body: asked.body, signal, redirect: "manual", cache: "no-store" };
}

function wasCutOff(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && "code" in cause && CUT_OFF.includes(String(cause.code));
}
