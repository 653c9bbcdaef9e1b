import { forwarded } from "@/candleloop/server";

export const dynamic = "force-dynamic";
export const POST = forwarded("POST /predict/batch");
