"""From labelled series to a Predictor: rows, purged split, fit, choices on validation, one test."""

from mllib.training.fitting import fit, train
from mllib.training.material import LEAST_EXAMPLES, LabelledSeries, Prepared, prepare
from mllib.training.settings import TrainingConfig

__all__ = ["LEAST_EXAMPLES", "LabelledSeries", "Prepared", "TrainingConfig", "fit", "prepare", "train"]
