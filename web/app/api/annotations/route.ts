import { forwarded } from "@/candleloop/server";

export const dynamic = "force-dynamic";
export const GET = forwarded("GET /annotations");
export const POST = forwarded("POST /annotations");
