from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mllib.agreement import SharedPlace, Statement, agreement, shared_places
from mllib.spans import Span

TIME = np.arange(0, 6_000, 60, dtype=np.int64)
BOTH = ("ann", "ben")


def _says(annotator: str, said: Span, place: Span | None = None, **more: bool) -> Statement:
    name = f"{annotator} {said}"
    return Statement(
        verdict_id=name,
        annotator=annotator,
        pair="EURUSD",
        timeframe="1m",
        place=place or said,
        said=said,
        **more,
    )


def _span(label: str, first: int, last: int) -> Span:
    return Span(label, first * 60, last * 60)


def _slow_kappa(said: Sequence[tuple[str, str]]) -> float:
    """Cohen (1960): agreement beyond what the two frequencies give by chance."""
    count = len(said)
    observed = sum(a == b for a, b in said) / count
    first, second = Counter(a for a, _ in said), Counter(b for _, b in said)
    by_chance = sum(first[name] * second[name] for name in first) / count**2
    return (observed - by_chance) / (1 - by_chance)


def test_the_same_prediction_is_one_place_whatever_was_said() -> None:
    place = _span("flag", 10, 19)
    (one,) = shared_places(
        [_says("ann", _span("wedge", 10, 29), place)], [_says("ben", _span("O", 10, 19), place)], TIME
    )
    assert (one.difference, one.iou) == ("label", 0.0)


def test_added_spans_that_overlap_by_half_are_one_place() -> None:
    mine = [_says("ann", _span("flag", 10, 19)), _says("ann", _span("flag", 50, 59))]
    theirs = [_says("ben", _span("flag", 12, 19)), _says("ben", _span("flag", 56, 65))]
    (one,) = shared_places(mine, theirs, TIME)
    assert (one.difference, one.iou) == ("bounds", 0.8)


def test_a_place_of_one_annotator_alone_is_not_shared() -> None:
    assert shared_places([_says("ann", _span("flag", 10, 19))], [], TIME) == []


def test_kappa_is_what_cohen_wrote_down() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        said = [
            (str(a), str(b))
            for a, b in rng.choice(["flag", "wedge", "O"], (30, 2), p=[0.5, 0.2, 0.3]).tolist()
        ]
        shared = [_place(n, a, b) for n, (a, b) in enumerate(said)]
        found = agreement(BOTH, shared)
        assert found.kappa == pytest.approx(_slow_kappa(said))
        for label in found.labels:
            marks = [(str(a == label.label), str(b == label.label)) for a, b in said]
            assert label.kappa == pytest.approx(_slow_kappa(marks))
        assert (found.places, found.same) == (30, sum(a == b for a, b in said))


def _place(n: int, a: str, b: str, iou: float = 1.0) -> SharedPlace:
    place = _span("flag", n, n + 5)
    mine, theirs = (
        _says(name, replace(place, label=label), place) for name, label in zip(BOTH, (a, b), strict=True)
    )
    return SharedPlace(mine, theirs, iou)


def test_full_agreement_on_several_labels_is_one_and_on_a_single_label_unknown() -> None:
    assert agreement(BOTH, [_place(0, "flag", "flag"), _place(9, "O", "O")]).kappa == 1.0
    assert agreement(BOTH, [_place(0, "flag", "flag"), _place(9, "flag", "flag")]).kappa is None
    assert agreement(BOTH, []).kappa is None


def test_mean_iou_is_over_spans_that_both_see_of_one_label() -> None:
    shared = [
        _place(0, "flag", "flag", 0.6),
        _place(9, "wedge", "wedge"),
        _place(20, "flag", "O", 0.0),
        _place(30, "O", "O", 0.0),
    ]
    found = agreement(BOTH, shared)
    assert found.mean_iou == pytest.approx(0.8)
    assert [(one.label, one.first, one.second, one.both, one.mean_iou) for one in found.labels] == [
        ("flag", 2, 1, 1, 0.6),
        ("wedge", 1, 1, 1, 1.0),
    ]


def test_differences_are_listed_labels_first_and_without_what_was_settled() -> None:
    shared = [
        _place(0, "flag", "flag", 0.6),
        _place(9, "flag", "O", 0.0),
        _place(20, "flag", "O", 0.0),
        _place(30, "flag", "flag"),
    ]
    decided = replace(shared[1], first=replace(shared[1].first, settled=True))
    found = agreement(BOTH, [shared[0], decided, *shared[2:]])
    assert (found.differences, found.settled) == ([shared[2], shared[0]], 1)
