"""What the annotator tells, and what is known from it."""

import numpy as np

from mllib.encoders import reviewed_bars
from mllib.simulating import Annotator, Known
from mllib.spans import Span
from tests.naive import walk

CANDLES = walk(60, seed=0)


def at(label: str, start: int, end: int) -> Span:
    return Span(label, int(CANDLES.time[start]), int(CANDLES.time[end - 1]))


def places(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, np.int64).reshape(-1, 2)


def test_it_tells_every_span_that_shares_a_bar_with_a_place_and_no_other() -> None:
    truth = [at("flag", 5, 10), at("flag", 20, 30), at("hill", 28, 40)]
    annotator = Annotator(CANDLES, truth)
    assert annotator.look(places((10, 20))) == []
    assert annotator.look(places((9, 15))) == truth[:1]
    assert annotator.look(places((29, 30))) == truth[1:]


def test_a_label_is_spent_on_every_place_whatever_is_there() -> None:
    annotator = Annotator(CANDLES, [at("flag", 5, 10)])
    annotator.look(places((0, 20), (30, 40)))
    annotator.look(places((40, 50)))
    assert annotator.spent == 3


def test_silence_counts_on_places_alone_and_a_span_told_counts_where_it_leaves_its_place() -> None:
    labels = frozenset({"flag", "hill"})
    known = Known.nothing(CANDLES, labels).told(places((9, 15)), [at("flag", 5, 10)])
    assert np.flatnonzero(known.looked).tolist() == list(range(9, 15))
    flags, hills = (reviewed_bars(label, CANDLES, known.reviewed) for label in ("flag", "hill"))
    assert np.flatnonzero(flags).tolist() == list(range(5, 15))
    assert np.flatnonzero(hills).tolist() == list(range(9, 15))


def test_what_is_told_twice_is_known_once() -> None:
    span = at("flag", 5, 10)
    known = Known.nothing(CANDLES, frozenset({"flag"}))
    known = known.told(places((0, 7)), [span]).told(places((7, 12)), [span])
    assert known.spans == (span,)
    assert known.looked.sum() == 12
