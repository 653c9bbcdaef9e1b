import type { NextRequest } from "next/server";
import { refusalOfHost } from "./candleloop/server";

/** A 403 for a Host that is no name of this machine; else the request goes on. */
export function proxy(request: NextRequest): Response | undefined {
  return refusalOfHost(request.headers.get("host"), process.env) ?? undefined;
}
