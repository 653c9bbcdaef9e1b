"""The recipe that everybody writes first, to compare with: raw prices and indicators, runs of argmax."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from mllib.candles import Candles
from mllib.indicators import Indicator, enrich
from mllib.inference.prediction import Prediction, paint, predicted
from mllib.spans import PredictedSpan
from mllib.training import LabelledSeries

_INDICATORS = [
    *(Indicator(name=name, params={"timeperiod": n}) for name, n in (("RSI", 14), ("ATR", 14), ("EMA", 20))),
    Indicator(name="MACD"),
    Indicator(name="BBANDS", params={"timeperiod": 20}),
]


class NaiveRecipe:
    """One class a candle; spans are runs of equal argmax. Balanced by the square root of class weights."""

    def __init__(self, model_type: str, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self._names = ("O", *self.labels)
        self._model = (
            RandomForestClassifier(n_estimators=100, min_samples_leaf=3, n_jobs=2, random_state=0)
            if model_type == "random_forest"
            else xgboost.XGBClassifier(n_estimators=150, max_depth=5, learning_rate=0.1, n_jobs=2)
        )
        self._classes: NDArray[np.int64] = np.zeros(0, np.int64)

    def fit(self, series: Sequence[LabelledSeries], before: int) -> None:
        """Learns from the candles that open before a moment (Unix s)."""
        X, y = [], []
        for one in series:
            known = one.candles.time < before
            X.append(_features(one.candles)[known])
            spans = [span for span in one.spans if span.label in self.labels]
            y.append(paint(spans, one.candles, self._names)[known])
        self._classes, classes = np.unique(np.concatenate(y), return_inverse=True)
        weight = 1 / np.sqrt(np.bincount(classes))
        self._model.fit(np.concatenate(X), classes, sample_weight=weight[classes])

    def predict(self, candles: Candles) -> Prediction:
        """Spans and labels a candle."""
        P = np.zeros((len(candles), len(self._names)))
        P[:, self._classes] = self._model.predict_proba(_features(candles))
        best = P.argmax(axis=1)
        edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
        spans = [
            PredictedSpan(
                self._names[best[start]],
                int(candles.time[start]),
                int(candles.time[end - 1]),
                float(P[start:end, best[start]].mean()),
                int(end - start),
            )
            for start, end in pairwise(edges)
            if best[start]
        ]
        return predicted(candles, self.labels, spans, P[:, 1:])


def _features(candles: Candles) -> NDArray[np.float32]:
    values: NDArray[np.float32] = (
        enrich(candles, _INDICATORS).drop(columns=["time", "volume"]).to_numpy(np.float32)
    )
    return values
