"""How a chart becomes rows and probabilities become spans: the registry of encoders.

A new encoder is one new file and one line here.
"""

from collections.abc import Mapping
from typing import Any

from mllib.encoders.bio import BioEncoder, reviewed_bars
from mllib.encoders.lanes import Lane
from mllib.errors import InvalidConfig
from mllib.features import ContextConfig

ENCODERS: dict[str, type[BioEncoder]] = {"bio": BioEncoder}

__all__ = [
    "ENCODERS",
    "BioEncoder",
    "Lane",
    "encoder_class",
    "encoder_from_dict",
    "encoder_to_dict",
    "reviewed_bars",
]


def encoder_class(name: str) -> type[BioEncoder]:
    """The encoder of that name.

    Raises:
        InvalidConfig: where there is none.
    """
    if name not in ENCODERS:
        raise InvalidConfig(
            f"stages.annotation_ingestion.label_encoding: found {name!r}, expected one of "
            f"{', '.join(ENCODERS)}. Choose an encoder that this version has."
        )
    return ENCODERS[name]


def encoder_to_dict(encoder: BioEncoder) -> dict[str, Any]:
    """Everything needed to rebuild an encoder, as JSON-ready values."""
    return {
        "encoder": "bio",
        "context": encoder.context.model_dump(mode="json"),
        "lanes": [lane.model_dump() for lane in encoder.lanes],
    }


def encoder_from_dict(saved: Mapping[str, Any]) -> BioEncoder:
    """The encoder that `encoder_to_dict` wrote down."""
    lanes = tuple(Lane(**lane) for lane in saved["lanes"])
    return encoder_class(saved["encoder"])(ContextConfig(**saved["context"]), lanes).with_features()
