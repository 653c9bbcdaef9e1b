import { forwarded } from "@/candleloop/server";

export const dynamic = "force-dynamic";
export const DELETE = forwarded("DELETE /feedback/{feedback_id}");
