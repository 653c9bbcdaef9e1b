"""The Predictor: the one artifact that training, evaluation, API, console and command line share."""

from mllib.inference.prediction import Prediction, paint
from mllib.inference.predictor import ModelInfo, Predictor, TrainedRange

__all__ = ["ModelInfo", "Prediction", "Predictor", "TrainedRange", "paint"]
