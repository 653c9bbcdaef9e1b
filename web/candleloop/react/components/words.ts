/** Figures, names and times as people read them. */

export { labelWords } from "../../spans/label-words";
export { confidenceWords, rangeWords, STANDING_WORDS } from "../../spans/words";

const MODELS: Record<string, string> = {
  xgboost: "XGBoost",
  random_forest: "Random forest",
  gru: "GRU",
  lstm: "LSTM",
  transformer: "Transformer",
};

export function kindOfModel(name: string): string {
  return MODELS[name] ?? name;
}

/** A share in [0, 1] as whole per cent. */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** The day of a time, in UTC. */
export function dayOf(time: number): string {
  return new Date(1000 * time).toISOString().slice(0, 10);
}

/** Seconds as people guess them. */
export function leftWords(seconds: number): string {
  return seconds < 90 ? `${Math.max(Math.round(seconds), 1)} s` : `${Math.round(seconds / 60)} min`;
}
