"""What makes an empty list of differences: a label that nobody knows, or a layer that says nothing."""

from collections.abc import Collection, Iterable

from mllib.candles import Candles
from mllib.errors import InvalidConfig
from mllib.pipeline.disagreements import Disagreement
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE


def check_labels(
    ws: Workspace,
    asked: Collection[str] | None,
    found: Iterable[Disagreement],
    *,
    of_models: Collection[str] = (),
) -> None:
    """Pass labels that are defined or given, that a model gives, or that stand in what was found.

    Raises:
        InvalidConfig: one is none of these.
    """
    if asked is None:
        return
    given = (*ws.store.annotations.counts(), *ws.store.talib.counts())
    known = {one.name for one in ws.store.labels.list()}.union(of_models, (one.label for one in given))
    known.discard(NOTHING)
    unknown = [label for label in asked if label not in known]
    if unknown:
        known.update(*(one.labels for one in found))
        unknown = [label for label in unknown if label not in known]
    if unknown:
        raise InvalidConfig(
            f"labels: found {', '.join(unknown)}, expected some of {', '.join(sorted(known)) or 'none yet'}. "
            "Choose one of these."
        )


def notes_on(
    ws: Workspace, history: Candles, between: Collection[str], *, predicted: Collection[object] | None = None
) -> list[str]:
    """Why layers say nothing of a stored series and what to do, in sentences; none where all say something.

    `predicted` is what the model says, or None where that is not known.
    """
    notes = []
    if "human" in between and (note := _of_people(ws, history)):
        notes.append(note)
    if "talib" in between and (note := _of_talib(ws, history)):
        notes.append(note)
    if "model" in between and predicted is not None and not predicted:
        notes.append(
            f"The model predicts nothing on {history.name}. Choose another series, or train on "
            "more annotations."
        )
    return notes


def _of_people(ws: Workspace, history: Candles) -> str | None:
    if not ws.store.annotations.reviewed(history.pair, history.timeframe):
        return (
            f"Nobody has reviewed any of {history.name}, so what people do not say tells nothing. "
            "Judge places in Review, or import annotations with --reviewed all."
        )
    said = ws.store.annotations.list(history.pair, history.timeframe, sources=PEOPLE)
    if any(one.label != NOTHING for one in said):
        return None
    return (
        f"People have drawn nothing on {history.name}, though they have looked. Draw on Labels, or import "
        "annotations with `candleloop annotations import`."
    )


def _of_talib(ws: Workspace, history: Candles) -> str | None:
    layers = ws.store.talib.layers(history.pair, history.timeframe)
    if not layers:
        return (
            f"No TA-Lib layer of {history.name} is kept. Make some with "
            f"`candleloop label --pair {history.pair} --timeframe {history.timeframe}`."
        )
    if not any(one.span_count for one in layers.values()):
        return f"TA-Lib finds nothing on {history.name} with {', '.join(layers)}. Label with other functions."
    return None
