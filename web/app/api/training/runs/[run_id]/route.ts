import { forwarded } from "@/candleloop/server";

export const GET = forwarded("GET /training/runs/{run_id}");
