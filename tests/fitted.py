"""The model of an encoder, fitted without a training: each part on its own rows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mllib.encoders import Encoder
from mllib.models import MODEL_NAMES, SEQUENCE_MODELS, Model, Scorer, create_model
from mllib.models.parted import joined
from mllib.rows import Part, Rows, Targets

TREES = tuple(name for name in MODEL_NAMES if name not in SEQUENCE_MODELS)
"""Models that every test can afford; what holds for sequence models is in tests/models."""
ALL_MODELS = (*TREES, *(pytest.param(name, marks=pytest.mark.needs("torch")) for name in SEQUENCE_MODELS))
SMALL_NETWORK = {
    "epochs": 12,
    "batch_rows": 64,
    "hidden": 16,
    "learning_rate": 0.02,
    "dropout": 0.0,
    "device": "cpu",
    "n_jobs": 1,
}


def fitted(
    encoder: Encoder,
    rows: Rows,
    targets: Targets,
    hyperparameters: Mapping[str, Any],
    *,
    name: str = "xgboost",
) -> Scorer:
    """A model of that name for all parts of the encoder."""

    def of(part: Part) -> Model:
        own = rows.take(part.holds(rows))
        model = create_model(name, hyperparameters, seed=0)
        known = targets.of(part).take(part.holds(rows))
        columns = encoder.feature_columns[slice(*part.features)]
        shown = replace(own, X=part.inputs(own.X))
        model.fit(shown, known, None, columns=columns, progress=lambda *_: None)
        return model

    return joined(encoder.parts, [of(part) for part in encoder.parts])
