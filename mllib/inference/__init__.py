"""The Predictor: the one artifact that training, evaluation, API, console and command line share."""

from mllib.inference.drift import InputProfile
from mllib.inference.held_out import HeldOut, HeldOutSeries
from mllib.inference.prediction import Prediction, paint
from mllib.inference.predictor import ModelInfo, Predictor, TrainedRange

__all__ = [
    "HeldOut",
    "HeldOutSeries",
    "InputProfile",
    "ModelInfo",
    "Prediction",
    "Predictor",
    "TrainedRange",
    "paint",
]
