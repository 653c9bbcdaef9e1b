"""Encoder, model and everything that serving needs, in one folder without pickle."""

import hashlib
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.amounts import count
from mllib.calibration import Calibration
from mllib.candles import Candles
from mllib.encoders import Encoder, encoder_from_dict, encoder_to_dict
from mllib.errors import BrokenModel, CandleloopError, InvalidCandles
from mllib.inference.description import check_metrics, read_description, why_incomplete, write_description
from mllib.inference.drift import InputProfile
from mllib.inference.held_out import HeldOut
from mllib.inference.prediction import Prediction, predicted
from mllib.models import Scorer
from mllib.models.parted import load_model
from mllib.rows import Rows

FORMAT = 2
PIECE_BARS = 12_000
"""So many bars are predicted at a time; the rows of more would only cost memory."""

_PROBE_TOLERANCE = 1e-3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What the contract's `ModelInfo` says; `trained_at` is Unix seconds UTC."""

    model_name: str
    model_version: str
    model_type: str
    experiment_name: str
    run_id: str
    trained_at: int
    feature_count: int
    label_names: list[str]
    provisional_bars: int
    """On how many of the newest candles its word may still change."""


@dataclass(frozen=True, slots=True)
class TrainedRange:
    """Candles that training or the choices on validation have seen (Unix s, both included)."""

    pair: str
    timeframe: str
    start_time: int
    end_time: int


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained model ready to serve; immutable and safe to share between threads."""

    encoder: Encoder
    model: Scorer
    calibration: Calibration
    info: ModelInfo
    trained_on: tuple[TrainedRange, ...]
    metrics: dict[str, Any]
    present: Mapping[str, str] | None = None
    """What the labels of training are called now; those missing are retired. None: as they were."""
    profile: InputProfile | None = None
    """How the candles of the training block are spread; None for a model saved before there was such."""
    held_out: HeldOut | None = None
    """What was said of bars that were held out of training; saved, and not loaded with the rest."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its predictions, under their present names."""
        known = self.encoder.labels
        if self.present is None:
            return known
        return tuple(dict.fromkeys(self.present[name] for name in known if name in self.present))

    def trained_as(self, label: str) -> tuple[str, ...]:
        """The names that a label of its predictions had in training; several where labels were merged."""
        if self.present is None:
            return (label,)
        return tuple(name for name in self.encoder.labels if self.present.get(name) == label)

    def provisional_bars_of(self, label: str) -> int:
        """How young a span of a label of its predictions is while it may still change, in bars."""
        return max(self.encoder.provisional_bars_of(name) for name in self.trained_as(label))

    def scored(self, candles: Candles) -> tuple[Rows, NDArray[np.float32]]:
        """All rows that the encoder proposes, without features, and `P float32 (n, k)`, calibrated."""
        rows = self.encoder.propose(candles)
        return rows.places(), self.calibration.apply(self.model.predict_proba(rows.X))

    def predict(self, candles: Candles, *, progress: Callable[[float], None] | None = None) -> Prediction:
        """Spans and per-candle labels of checked candles.

        What is computed on the way is bounded, however many candles there are: a long series is predicted
        piece by piece, each with as much around it as its labels depend on.

        Raises:
            InvalidCandles: when there are fewer candles than the features look back.
        """
        n, needed = len(candles), self.encoder.needed_bars
        if n < needed:
            raise InvalidCandles(
                f"{candles.name}: found {count(n, 'candle')}, expected at least {needed}: "
                f"the model's features look back {needed - 1} bars. "
                "Send more candles, or import the history so that it can be filled in."
            )
        pieces = []
        for first in range(0, n, PIECE_BARS):
            last = min(first + PIECE_BARS, n)
            pieces.append(self._piece(candles, first, last))
            if progress is not None:
                progress(last / n)
        prediction = Prediction.joined(candles, pieces)
        return prediction if self.present is None else prediction.under(self.present)

    def _piece(self, candles: Candles, first: int, last: int) -> Prediction:
        """The bars `first:last`, and every span that shares a bar with them."""
        start = max(first - self.encoder.context_bars, 0)
        part = candles[start : last + self.encoder.provisional_bars]
        rows, P = self.scored(part)
        spans, coverage = self.encoder.decode(part, rows, P), self.encoder.coverage(part, rows, P)
        return predicted(part, self.encoder.labels, spans, coverage).between(first - start, last - start)

    def under(self, present: Mapping[str, str]) -> "Predictor":
        """The same predictor, whose labels are called as they are now (see `present`)."""
        renamed = replace(self, present=present)
        return replace(renamed, info=replace(self.info, label_names=list(renamed.labels)))

    def with_version(self, model_version: str) -> "Predictor":
        """The same predictor under the version that the ledger gave it."""
        return replace(self, info=replace(self.info, model_version=model_version))

    def save(self, folder: Path) -> None:
        """Writes the predictor into a new folder; it appears complete or not at all."""
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # a killed process may have left it behind
        partial.mkdir(parents=True)
        self.model.save(partial)
        if self.held_out is not None:
            self.held_out.save(partial)
        description = {
            "format": FORMAT,
            "info": asdict(self.info),
            "encoder": encoder_to_dict(self.encoder),
            "calibration": self.calibration.to_dict(),
            "trained_on": [asdict(part) for part in self.trained_on],
            "metrics": self.metrics,
            "profile": None if self.profile is None else self.profile.to_dict(),
            "fingerprint": self.encoder.fingerprint(),
            "probe": [None if np.isnan(v) else v for v in self.encoder.probe()],
            "files": _digests(partial),
        }
        write_description(description, partial)
        partial.rename(folder)

    @classmethod
    def load(cls, folder: Path, *, model_version: str | None = None) -> "Predictor":
        """The predictor of a folder, checked against its own description.

        Raises:
            BrokenModel: when files are missing or altered, or the features are no longer those of training.
        """
        try:
            return cls._load(folder, model_version)
        except BrokenModel:
            raise
        except (CandleloopError, OSError, ValueError, LookupError, TypeError, AttributeError) as exc:
            if not isinstance(exc, FileNotFoundError):  # the refusal says all that there is to say
                log.warning("model in %s: %s: %s", folder, type(exc).__name__, exc)
            raise BrokenModel(
                f"model in {folder}: found {why_incomplete(exc)}, expected a complete predictor. "
                "Promote another run, or train again."
            ) from exc

    @classmethod
    def _load(cls, folder: Path, model_version: str | None) -> "Predictor":
        saved = read_description(folder)
        _check_format(saved, folder)
        _check_files(saved["files"], folder)
        encoder = encoder_from_dict(saved["encoder"])
        _check_features(encoder, saved, folder)
        # A model that was saved before its description had this says the same of itself.
        info = ModelInfo(**saved["info"] | {"provisional_bars": encoder.provisional_bars})
        _check_labels(encoder, info, folder)
        check_metrics(saved["metrics"], folder)
        predictor = cls(
            encoder=encoder,
            model=load_model(info.model_type, encoder.parts, folder),
            calibration=Calibration.from_dict(saved["calibration"]),
            info=info,
            trained_on=tuple(TrainedRange(**part) for part in saved["trained_on"]),
            metrics=saved["metrics"],
            profile=InputProfile.from_dict(saved["profile"]) if saved.get("profile") else None,
        )
        return predictor if model_version is None else predictor.with_version(model_version)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_format(saved: dict[str, Any], folder: Path) -> None:
    if saved.get("format") != FORMAT:
        raise BrokenModel(
            f"model in {folder}: found format {saved.get('format')!r}, expected {FORMAT}. "
            "Train again with this version."
        )


def _check_files(files: dict[str, str], folder: Path) -> None:
    for name, digest in files.items():
        if _digest(folder / name) != digest:
            raise BrokenModel(
                f"model in {folder}: found {name} altered since, expected SHA-256 {digest[:6]}…. "
                "Restore the file, promote another run, or train again."
            )


def _check_labels(encoder: Encoder, info: ModelInfo, folder: Path) -> None:
    if tuple(info.label_names) != encoder.labels:
        raise BrokenModel(
            f"model in {folder}: found labels {info.label_names} beside an encoder for "
            f"{list(encoder.labels)}, expected the same. Promote another run, or train again."
        )


def _check_features(encoder: Encoder, saved: dict[str, Any], folder: Path) -> None:
    now = encoder.fingerprint()
    then = np.array([np.nan if v is None else v for v in saved["probe"]])
    same_values = now == saved["fingerprint"] and np.allclose(
        np.array(encoder.probe()), then, rtol=_PROBE_TOLERANCE, atol=_PROBE_TOLERANCE, equal_nan=True
    )
    if not same_values:
        raise BrokenModel(
            f"model in {folder}: found features {saved['fingerprint']}, expected those of this version "
            f"({now}) with the same values. Train again: its predictions would mean something else."
        )
