import { forwarded } from "@/candleloop/server";

export const dynamic = "force-dynamic";
export const GET = forwarded("GET /training/runs");
