import { forwarded } from "@/candleloop/server";

export const GET = forwarded("GET /annotations/export");
