"""The Predictor: the one artifact that training, evaluation, API, console and command line share."""

from mllib.inference.drift import InputProfile
from mllib.inference.prediction import Prediction, paint
from mllib.inference.predictor import ModelInfo, Predictor, TrainedRange

__all__ = ["InputProfile", "ModelInfo", "Prediction", "Predictor", "TrainedRange", "paint"]
