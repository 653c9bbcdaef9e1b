export type { Hit, Outline, OverlaySpan, OverlayTheme, Part, Stroke } from "./model";
export { ChartPointer, type PointerHandlers } from "./pointer";
export { SpanOverlay } from "./span-overlay";
export { SpanTip } from "./span-tip";
