"""Layers of spans on a stored series, and what counts where two of them are compared."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mllib.candles import Candles
from mllib.disagreement import Pair, compare
from mllib.encoders import reviewed_bars
from mllib.matching import wholly_on
from mllib.patterns import label_of
from mllib.pipeline.annotations import Layer, known_facts, labelled
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, PredictedSpan, ReviewedRange, Span, positions

LayerName = Literal["human", "talib", "model"]
LAYERS: tuple[LayerName, ...] = get_args(LayerName)
"""In the order in which two of them are told: the first is `a`, the second `b`."""
_PEOPLE: tuple[Layer, ...] = ("human",)


@dataclass(frozen=True, slots=True)
class LayerSpans:
    """A layer's spans on a series, and where its silence says something.

    `labels` are those that it can give (None: any); `reviewed` is where it looked (None: everywhere).
    """

    name: LayerName
    spans: Sequence[Span]
    labels: frozenset[str] | None = None
    reviewed: Sequence[ReviewedRange] | None = None


def layer_spans(
    ws: Workspace,
    history: Candles,
    name: LayerName,
    predicted: Sequence[PredictedSpan] = (),
    labels: Collection[str] = (),
) -> LayerSpans:
    """What a layer says of a stored series; `predicted` and `labels` are the model's."""
    if name == "model":
        return LayerSpans(name, predicted, frozenset(labels))
    if name == "human":
        facts = known_facts(ws, pair=history.pair, timeframe=history.timeframe, functions=None)
        known = labelled(history, facts, layers=_PEOPLE, ingestion=ws.config.stages.annotation_ingestion)
        return LayerSpans(name, known.spans, None, known.reviewed)
    functions = [*ws.store.talib.layers(history.pair, history.timeframe)]
    if not functions:
        return LayerSpans(name, (), frozenset())
    facts = known_facts(ws, pair=history.pair, timeframe=history.timeframe, functions=functions)
    given = frozenset(label_of(f, bullish=side) for f in functions for side in (True, False))
    return LayerSpans(name, facts.talib, given)


def compared(ws: Workspace, a: LayerSpans, b: LayerSpans, history: Candles) -> list[Pair]:
    """What counts of two layers side by side, by time.

    Where `a` is people's, a span counts where its label was reviewed on all of its bars, labels that nobody
    looked for in the series take no part, and what a person has dismissed is no miss of people's. A layer
    misses no label that it cannot give.
    """
    theirs = b.spans if a.reviewed is None else _looked_for(b.spans, a.reviewed)
    found = [pair for pair in compare(a.spans, theirs, history.time) if _could_say(pair, a, b)]
    if a.reviewed is None:
        return found
    return _without_dismissed(ws, _on_reviewed(found, a.reviewed, history), history)


def _looked_for(spans: Sequence[Span], reviewed: Sequence[ReviewedRange]) -> list[Span]:
    labels = frozenset[str]().union(*(part.labels for part in reviewed))
    return [span for span in spans if span.label in labels]


def _could_say(pair: Pair, a: LayerSpans, b: LayerSpans) -> bool:
    """Whether the layer that says nothing could have said it."""
    silent = {"only_in_a": b, "only_in_b": a}.get(pair.kind)
    return silent is None or silent.labels is None or pair.span.label in silent.labels


def _on_reviewed(pairs: Sequence[Pair], reviewed: Sequence[ReviewedRange], history: Candles) -> list[Pair]:
    """Those whose span lies wholly on bars that were reviewed for its label."""
    by_label: defaultdict[str, list[int]] = defaultdict(list)
    for n, pair in enumerate(pairs):
        by_label[pair.span.label].append(n)
    at = positions([pair.span for pair in pairs], history.time)
    kept = np.zeros(len(pairs), bool)
    for label, those in by_label.items():
        kept[those] = wholly_on(at[those], reviewed_bars(label, history, reviewed))
    return [pairs[n] for n in np.flatnonzero(kept).tolist()]


def _without_dismissed(ws: Workspace, pairs: Sequence[Pair], history: Candles) -> list[Pair]:
    """Without what people do not say because one of them said that it is not there."""
    missed = [n for n, pair in enumerate(pairs) if pair.kind == "only_in_b"]
    denied = compare([pairs[n].span for n in missed], _dismissed(ws, history), history.time)
    gone = {id(pair.a) for pair in denied if pair.kind in ("agreement", "boundary_mismatch")}
    return [pair for pair in pairs if pair.kind != "only_in_b" or id(pair.b) not in gone]


def _dismissed(ws: Workspace, history: Candles) -> list[Span]:
    """Where people said that a predicted label is not."""
    said = ws.store.annotations.list(history.pair, history.timeframe, sources=PEOPLE)
    return [
        Span(one.model_prediction.label, one.start_time, one.end_time)
        for one in said
        if one.label == NOTHING and one.model_prediction is not None
    ]
