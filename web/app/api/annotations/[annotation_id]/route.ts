import { forwarded } from "@/candleloop/server";

export const PATCH = forwarded("PATCH /annotations/{annotation_id}");
export const DELETE = forwarded("DELETE /annotations/{annotation_id}");
