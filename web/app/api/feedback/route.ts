import { forwarded } from "@/candleloop/server";

export const POST = forwarded("POST /feedback");
