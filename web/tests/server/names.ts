import type { Rules } from "../../candleloop/server/calls";

// Compiled by `npm run types`: a name too few, and one too many, are errors there.
// @ts-expect-error `limit` is missing
export const tooFew: Rules<"GET /candles">["query"] = {
  ...{ pair: true, timeframe: true, start_time: true, end_time: true },
};
export const tooMany: Rules<"POST /model/load">["body"] = {
  run_id: true,
  over: true,
  // @ts-expect-error there is no such field
  reason: true,
};
