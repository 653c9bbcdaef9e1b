"""The description of a saved predictor: a JSON object that is sealed with its own digest."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mllib.errors import BrokenModel, CandleloopError

FILE_NAME = "predictor.json"
_DIGEST = "digest"
_ADVICE = "Restore it, promote another run, or train again."


class _Scores(BaseModel):
    precision: float
    recall: float
    f1_score: float
    support: int


class _Metrics(BaseModel):
    """The metrics that every model has; others may stand beside them."""

    accuracy: float
    f1_macro: float
    f1_weighted: float
    per_class: dict[str, _Scores]


def write_description(description: dict[str, Any], folder: Path) -> None:
    """Writes the description with its digest."""
    sealed = description | {_DIGEST: _digest(description)}
    (folder / FILE_NAME).write_text(json.dumps(sealed, indent=1))


def read_description(folder: Path) -> dict[str, Any]:
    """The description as it was written; one from before there was a digest is taken as it is.

    Raises:
        BrokenModel: it is no JSON object, or was altered.
        OSError: it is missing or cannot be read.
    """
    try:
        saved = json.loads((folder / FILE_NAME).read_bytes())
    except (ValueError, RecursionError) as exc:
        raise _damaged(folder) from exc
    if not isinstance(saved, dict):
        raise _damaged(folder)
    digest = saved.pop(_DIGEST, None)
    if digest is not None and digest != _digest(saved):
        raise BrokenModel(
            f"model in {folder}: found {FILE_NAME} altered since, expected it as it was saved. {_ADVICE}"
        )
    return saved


def check_metrics(metrics: object, folder: Path) -> None:
    """Raises `BrokenModel` unless the metrics that every model has are there."""
    try:
        _Metrics.model_validate(metrics)
    except ValidationError as exc:
        place = ".".join(str(part) for part in ("metrics", *exc.errors()[0]["loc"]))
        raise BrokenModel(
            f"model in {folder}: found {place} missing or no figure in {FILE_NAME}, expected accuracy, "
            f"f1_macro, f1_weighted and per_class with the scores of each label. {_ADVICE}"
        ) from exc


def why_incomplete(exc: Exception) -> str:
    """What was found in place of a complete predictor, without what Python calls it.

    >>> why_incomplete(KeyError("encoder"))
    "a description without 'encoder'"
    """
    if isinstance(exc, CandleloopError):
        return f"that it does not fit here ({exc})"
    if isinstance(exc, FileNotFoundError) and exc.filename is not None:
        return f"no {Path(exc.filename).name}"
    if isinstance(exc, OSError) and exc.strerror:
        return f"a file that cannot be read ({exc.strerror})"
    if isinstance(exc, KeyError):
        return f"a description without {exc.args[0]!r}"
    return "a description or a file of another shape than this version writes"


def _damaged(folder: Path) -> BrokenModel:
    return BrokenModel(
        f"model in {folder}: found {FILE_NAME} cut short or damaged, expected a complete predictor. {_ADVICE}"
    )


def _digest(description: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON, as it is after being written and read."""
    as_read = json.loads(json.dumps(description))
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()
