/** What a host app uses of the parts: the provider, its hooks, the components, and the shapes that they take. */

export type { OverlayTheme } from "../overlay";
export { snappedRange } from "../spans/candle-axis";
export type { Candle, SpanAnnotation, TimeRange } from "../types";
export { PredictionPanel, ServiceBanner, VerdictBar } from "./components";
export { isField, KEY_BINDINGS, type KeyBinding } from "./keyboard";
export type { Predictions, Selection, Settings } from "./predictions";
export {
  type ChartInput,
  PredictionsProvider,
  type PredictionsProviderProps,
  usePredictions,
} from "./provider";
export { type Annotations, type AnnotationsInput, useAnnotations } from "./use-annotations";
export { type PredictionKeys, usePredictionKeys } from "./use-prediction-keys";
export { type ChartParts, type SpanOverlayOptions, useSpanOverlay } from "./use-span-overlay";
