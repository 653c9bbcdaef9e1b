"""What whoever reads a run's figures has to know about them, in words."""

from collections.abc import Mapping

from mllib.encoders import Encoder
from mllib.rows import Targets
from mllib.training.settings import TrainingConfig


def warnings_about(config: TrainingConfig, *, stopped: bool, tuned: bool) -> list[str]:
    """Of a random split, and of choices that nothing was there to decide."""
    warnings = []
    if config.split_method == "random":
        warnings.append(
            "stages.training.split_method: random: the model has learned from candles after those it was "
            "tested on, so the metrics say nothing about later candles. Set it to temporal for those."
        )
    if not stopped:
        warnings.append(
            "validation: found nothing reviewed in its earlier half, so nothing decided when to stop. Review "
            "some of it, or raise stages.training.validation_split."
        )
    if not tuned:
        warnings.append(
            "validation: found no bar whose labels depend on validation alone, so no cut was chosen. Raise "
            "stages.training.validation_split, or import more candles."
        )
    return warnings


def blocks_without_spans(encoder: Encoder, validated: Targets, tested: Mapping[str, int]) -> list[str]:
    """Of labels that a block holds nothing of, which no figure would tell from bad ones."""
    evidence = encoder.evidence(validated)
    missing = {
        "validation": [label for label in encoder.labels if not evidence[label][0]],
        "test": [label for label in encoder.labels if not tested[label]],
    }
    left = {
        "validation": "so nothing decided how sure the model has to be of them",
        "test": "so its scores say nothing of them",
    }
    return [
        f"{block}: found no reviewed span of {', '.join(labels)}, expected some, {left[block]}. "
        f"Annotate candles of that block, or raise stages.training.{block}_split."
        for block, labels in missing.items()
        if labels
    ]
