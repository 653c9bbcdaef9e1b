export { PredictionPanel } from "./PredictionPanel";
export { ServiceBanner } from "./ServiceBanner";
export { VerdictBar } from "./VerdictBar";
