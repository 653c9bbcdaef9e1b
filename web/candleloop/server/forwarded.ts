/** Route handlers that forward to the inference service: `export const POST = forwarded("POST /predict")`. */

import { passedBack } from "./answers";
import { checkBody, checkQuery, readBody } from "./bodies";
import { type CallName, rulesOf } from "./calls";
import { BATCH_TIMED_OUT } from "./lines";
import { refuseForeignPage } from "./pages";
import { patience } from "./patience";
import { answerTo, Refusal, UNAVAILABLE } from "./problems";
import { InvalidSetting, readSettings, type Settings } from "./settings";
import { type Asked, ask } from "./upstream";

type Params = Record<string, string | string[] | undefined>;
export type Handler = (request: Request, context: { params: Promise<Params> }) => Promise<Response>;

const TIMED_OUT = "Inference service timed out";
const SWITCHED_OFF =
  "Predictions are switched off: found NEXT_PUBLIC_PREDICTIONS_ENABLED=false, expected true. Set it, build and start again.";

/** The handler of one call. */
export function forwarded(name: CallName): Handler {
  return async (request, context) => {
    // Not below `try`: by an error of its own here, Next.js learns while it builds that the answer is made at requests.
    const query = new URL(request.url).searchParams;
    try {
      const settings = readSettings(process.env);
      if (!settings.enabled && !rulesOf(name).apart) throw new Refusal(404, SWITCHED_OFF);
      refuseForeignPage(request);
      const asked = await askedFor(name, request, { query, params: await context.params, settings });
      return await relayed(asked, settings, request.signal);
    } catch (error) {
      return answerTo(refusalOf(error));
    }
  };
}

async function askedFor(
  name: CallName,
  request: Request,
  { query, params, settings }: { query: URLSearchParams; params: Params; settings: Settings },
): Promise<Asked> {
  const rules = rulesOf(name);
  const [method = "", template = ""] = name.split(" ");
  checkQuery(query, rules.query);
  const path = filled(template, params);
  const body = rules.body === null ? null : await readBody(request, settings.max_body_bytes);
  if (body !== null) checkBody(body, rules.body);
  return {
    method,
    path: query.size > 0 ? `${path}?${query}` : path,
    body: body?.byteLength ? body : null,
    accept: request.headers.get("accept"),
    pure: method === "GET" || rules.pure === true,
    batch: rules.batch === true,
  };
}

/** The path with its ids, each encoded once as a segment of its own. */
function filled(template: string, params: Params): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, params[name]));
}

function segment(name: string, id: Params[string]): string {
  try {
    // A dot segment would name another path, however it is encoded.
    if (typeof id === "string" && id !== "." && id !== "..") return encodeURIComponent(id);
  } catch (error) {
    // A lone surrogate cannot be encoded.
    if (!(error instanceof URIError)) throw error;
  }
  throw new Refusal(
    404,
    `${name}: found an id that cannot stand in an address, expected another. Correct it.`,
  );
}

async function relayed(asked: Asked, settings: Settings, client: AbortSignal): Promise<Response> {
  const waiting = patience(asked.batch ? settings.batch_timeout_ms : settings.timeout_ms, client);
  try {
    return await ask(asked, settings, {
      signal: waiting.signal,
      read: (response) => passedBack(response, waiting),
    });
  } catch {
    waiting.end();
    if (waiting.is_over()) throw new Refusal(504, asked.batch ? BATCH_TIMED_OUT : TIMED_OUT);
    // Nobody reads it; logs show it as what proxies call it.
    if (client.aborted) throw new Refusal(499, "The client has gone.");
    throw new Refusal(503, UNAVAILABLE);
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof InvalidSetting) {
    process.stderr.write(`${error.message}\n`);
    return new Refusal(500, error.message);
  }
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  return new Refusal(
    500,
    "The proxy failed unexpectedly; its log says why. Try again, and report it if it stays.",
  );
}
