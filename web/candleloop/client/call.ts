/** One call to the service through the host's proxy routes, and what can go wrong with it. */

import type { Problem } from "../candleloop-api";

/** `away`: not reached at all; `later`: reached, and to be asked again; `refused`: will say the same again. */
export type Failure = "away" | "later" | "forbidden" | "refused";

export const AWAY = "Inference service unavailable";

/** A call that was not answered with what was asked for; its message is the service's own words. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";

  constructor(
    message: string,
    readonly failure: Failure,
    /** 0 where nothing answered. */
    readonly status: number,
    readonly retry_after_s: number | null = null,
    /** The run in the way, where a training is refused for one. */
    readonly run_id: string | null = null,
  ) {
    super(message);
  }
}

export interface CallOptions {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  query?: Record<string, string | number | null | undefined>;
  body?: unknown;
  accept?: string;
  signal?: AbortSignal | undefined;
}

/** Returns the answer to a call; any status but 2xx, and silence, is a `ServiceError`. */
export async function send(base: string, path: string, options: CallOptions = {}): Promise<Response> {
  const response = await reach(urlOf(base, path, options.query), {
    method: options.method ?? "GET",
    headers: headersOf(options),
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (response.ok) return response;
  throw await errorOf(response);
}

/** Returns the JSON of an answer as `T`, the shape that the API's generated types give it. */
export async function call<T>(base: string, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(base, path, options);
  try {
    // The API writes these types from its own schemas; what arrives is not checked twice.
    return (await response.json()) as T;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unreached(`${path}: the answer broke off or is no JSON`);
  }
}

/** Returns whether an error says that the caller itself ended the call. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** Returns an error's words for people. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns an error's words; null for that the service is away, which is said once, of the service. */
export function wordsUnlessAway(error: Error | null): string | null {
  return error === null || (error instanceof ServiceError && error.failure === "away") ? null : error.message;
}

/** Returns the error for a call that was cut off or never answered. */
export function unreached(words: string = AWAY): ServiceError {
  return new ServiceError(words, "away", 0);
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unreached();
  }
}

function urlOf(base: string, path: string, query: CallOptions["query"] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [[name, String(value)]],
  );
  const text = new URLSearchParams(given).toString();
  return `${base.replace(/\/$/, "")}${path}${text === "" ? "" : `?${text}`}`;
}

function headersOf({ body, accept }: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { Accept: accept ?? "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return headers;
}

async function errorOf(response: Response): Promise<ServiceError> {
  const problem = await problemOf(response);
  const words = problem.error ?? problem.detail ?? `The service answered ${response.status}.`;
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ServiceError(
    words,
    failureOf(response.status, problem.error),
    response.status,
    Number.isFinite(retryAfter) ? retryAfter : null,
    problem.run_id ?? null,
  );
}

function failureOf(status: number, words: string | undefined): Failure {
  const isGateway = status === 502 || status === 503 || status === 504;
  // A gateway that answers in no words of ours did not reach the service either.
  if (isGateway && (words === undefined || words.startsWith(AWAY))) return "away";
  if (status === 408 || status === 429 || status >= 500) return "later";
  return status === 401 || status === 403 ? "forbidden" : "refused";
}

async function problemOf(response: Response): Promise<Partial<Problem>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? body : {};
  } catch {
    return {};
  }
}
