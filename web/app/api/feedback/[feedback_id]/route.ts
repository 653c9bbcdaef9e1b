import { forwarded } from "@/candleloop/server";

export const DELETE = forwarded("DELETE /feedback/{feedback_id}");
