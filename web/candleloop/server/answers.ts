/** The service's answers as the browser gets them. */

import { NDJSON, passedOn } from "./lines";
import type { Patience } from "./patience";
import { answerTo, Refusal } from "./problems";

/** Of the service's headers, those that say something to the browser; no cookie is among them. */
const KEPT = ["content-type", "content-disposition", "retry-after", "allow"];
const WITHOUT_BODY = [204, 205, 304];

/** The answer with its status, text and the headers that count; a stream of lines goes on as a stream. */
export async function passedBack(response: Response, waiting: Patience): Promise<Response> {
  const headers = keptHeaders(response.headers);
  const kind = response.headers.get("content-type") ?? "";
  if (response.ok && response.body !== null && kind.startsWith(NDJSON)) {
    headers.set("Cache-Control", "no-store, no-transform");
    // nginx would collect the lines otherwise.
    headers.set("X-Accel-Buffering", "no");
    return new Response(passedOn(response.body, waiting), { status: response.status, headers });
  }
  const body = await response.arrayBuffer();
  waiting.end();
  if (response.status >= 300 && response.status < 400) return redirected(response.status);
  if (response.status >= 400 && !/^application\/(\w+\+)?json/.test(kind))
    return inProblemShape(response, body, headers);
  const hasBody = !WITHOUT_BODY.includes(response.status);
  return new Response(hasBody ? body : null, { status: response.status, headers });
}

function keptHeaders(from: Headers): Headers {
  const headers = new Headers({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
  for (const name of KEPT) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

function redirected(status: number): Response {
  const found = `Inference service: found a redirect (${status}), expected an answer.`;
  return answerTo(new Refusal(502, `${found} Correct INFERENCE_API_URL.`));
}

/** An error of something before the service, such as a load balancer, in the shape of the service's own. */
function inProblemShape(response: Response, body: ArrayBuffer, headers: Headers): Response {
  const isText = headers.get("content-type")?.startsWith("text/plain") ?? false;
  const said = isText ? new TextDecoder().decode(body).trim().slice(0, 1000) : "";
  const message = said || `The inference service answered ${response.status} ${response.statusText}`.trim();
  const answer = answerTo(new Refusal(response.status, message));
  headers.set("content-type", "application/problem+json");
  return new Response(answer.body, { status: response.status, headers });
}
