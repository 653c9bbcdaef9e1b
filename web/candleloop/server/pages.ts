/** Who may ask: pages of the same host, under a name that this machine goes by. */

import { answerTo, quoted, Refusal } from "./problems";
import type { Environment } from "./settings";

const OWN_NAMES = ["127.0.0.1", "localhost", "[::1]"];
const READS = ["GET", "HEAD", "OPTIONS"];

/**
 * Returns where the request reads, or comes from a page of this host.
 *
 * A browser says both headers by itself and lets no page change them; whoever sends neither is no browser. A
 * foreign page cannot set X-Forwarded-Host either, as it would need a CORS header that is never given.
 */
export function refuseForeignPage(request: Request): void {
  if (READS.includes(request.method)) return;
  const { headers } = request;
  if (headers.get("sec-fetch-site") === "cross-site") throw foreign("Sec-Fetch-Site", "cross-site");
  const origin = headers.get("origin");
  if (origin === null) return;
  const host = URL.canParse(origin) ? new URL(origin).host : "";
  const own = [headers.get("host"), headers.get("x-forwarded-host")];
  if (host === "" || !own.includes(host)) throw foreign("Origin", origin);
}

function foreign(header: string, found: string): Refusal {
  return new Refusal(
    403,
    `${header}: found ${quoted(found)}, expected a page of this host. Use the chart's own page.`,
  );
}

/**
 * A 403 where the Host header is no name of this machine, else null.
 *
 * Without it a foreign page could give its own name the address 127.0.0.1 and read everything (DNS rebinding).
 * More names: CANDLELOOP_WEB_HOSTS, by comma.
 */
export function refusalOfHost(host: string | null, environment: Environment): Response | null {
  const more = (environment.CANDLELOOP_WEB_HOSTS ?? "").split(",").map((name) => name.trim().toLowerCase());
  const names = [...OWN_NAMES, ...more.filter((name) => name !== "")];
  if (host !== null && names.includes(nameOf(host))) return null;
  const found = host === null ? "none" : quoted(host);
  return answerTo(
    new Refusal(
      403,
      `Host: found ${found}, expected one of ${OWN_NAMES.join(", ")}. Add the name to CANDLELOOP_WEB_HOSTS.`,
    ),
  );
}

/** The name of a Host header, without its port; empty where it is none. */
function nameOf(host: string): string {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?$/i.exec(host)?.[1]?.toLowerCase() ?? "";
}
