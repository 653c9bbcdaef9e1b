"""Model inputs of candles. Importing this package registers every feature group."""

from mllib.features import candle_shape, context, oscillators, sequence
from mllib.features.registry import (
    GROUPS,
    Column,
    ContextConfig,
    FeatureMatrix,
    column_reach,
    compute_features,
    fingerprint,
    probe,
    probe_candles,
)

__all__ = [
    "GROUPS",
    "Column",
    "ContextConfig",
    "FeatureMatrix",
    "candle_shape",
    "column_reach",
    "compute_features",
    "context",
    "fingerprint",
    "oscillators",
    "probe",
    "probe_candles",
    "sequence",
]
