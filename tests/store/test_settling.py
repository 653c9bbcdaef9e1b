from dataclasses import replace

import pytest

from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.spans import JudgedPrediction, ReviewedRange, Span
from mllib.store import Feedback, Store, Verdict

PREDICTION = JudgedPrediction(label="flag", confidence=0.8, model_version="3", start_time=10, end_time=20)
CONFIRM = Feedback(
    client_id="ann", pair="EURUSD", timeframe="1h", action="confirm", prediction=PREDICTION, annotator="ann"
)
DISMISS = replace(CONFIRM, client_id="ben", annotator="ben", action="dismiss")


@pytest.fixture
def both(store: Store) -> list[Verdict]:
    """Ann confirmed what Ben dismissed."""
    return [store.verdicts.record(said)[0] for said in (CONFIRM, DISMISS)]


def _third(both: list[Verdict], **changes: object) -> Feedback:
    settles = tuple(one.id for one in both)
    made = replace(
        CONFIRM, client_id="cleo", annotator="cleo", action="correct", end_time=22, settles=settles
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of Feedback


def _spans(store: Store) -> list[Span]:
    return [Span(one.label, one.start_time, one.end_time) for one in store.annotations.list("EURUSD", "1h")]


def test_what_settles_two_verdicts_alone_counts(store: Store, both: list[Verdict]) -> None:
    third, created = store.verdicts.record(_third(both))
    assert created
    assert store.verdicts.list() == [third]
    assert store.verdicts.list(with_settled=True) == [third, *reversed(both)]
    assert _spans(store) == [Span("flag", 10, 22)]
    assert [count.count for count in store.annotations.counts()] == [1]
    assert third.settles == tuple(sorted(one.id for one in both))


def test_reviewed_ranges_of_settled_verdicts_are_void(store: Store) -> None:
    wide = replace(
        CONFIRM, client_id="wide", action="add", prediction=None, label="flag", start_time=0, end_time=90
    )
    verdict, _ = store.verdicts.record(wide)
    assert ReviewedRange(0, 90, frozenset({"flag"})) in store.annotations.reviewed("EURUSD", "1h")
    store.verdicts.record(_third([verdict], action="confirm", end_time=None))
    assert store.annotations.reviewed("EURUSD", "1h") == [ReviewedRange(10, 20, frozenset({"flag"}))]


def test_settling_twice_is_as_once(store: Store, both: list[Verdict]) -> None:
    third, _ = store.verdicts.record(_third(both))
    assert store.verdicts.record(_third(both[::-1])) == (third, False)


def test_undoing_it_brings_both_back(store: Store, both: list[Verdict]) -> None:
    third, _ = store.verdicts.record(_third(both))
    store.verdicts.retract(third.id)
    assert store.verdicts.list() == both[::-1]
    again, _ = store.verdicts.record(_third(both, client_id="dora"))
    assert store.verdicts.list() == [again]


def test_what_is_settled_cannot_be_settled_or_changed_again(store: Store, both: list[Verdict]) -> None:
    third, _ = store.verdicts.record(_third(both))
    with pytest.raises(Conflict, match=f"settles {both[0].id}: found it settled by another verdict"):
        store.verdicts.record(_third(both[:1], client_id="dora"))
    assert both[0].annotation_id is not None
    assert store.annotations.get(both[0].annotation_id).retracted
    dismissal = {"client_id": "dora", "action": "dismiss", "end_time": None}
    fourth, _ = store.verdicts.record(_third([third], **dismissal))
    assert store.verdicts.list() == [fourth]


def test_an_edited_annotation_is_settled_with_its_verdict(store: Store, both: list[Verdict]) -> None:
    assert both[0].annotation_id is not None
    stored = store.annotations.get(both[0].annotation_id)
    store.annotations.supersede(stored, replace(stored.annotation, end_time=30))
    store.verdicts.record(_third(both))
    assert _spans(store) == [Span("flag", 10, 22)]


def test_only_verdicts_of_the_series_that_stand_can_be_settled(store: Store, both: list[Verdict]) -> None:
    with pytest.raises(NotFound, match="settles nope: found no verdict of that id"):
        store.verdicts.record(_third([], settles=("nope",)))
    with pytest.raises(InvalidAnnotations, match="found one of another series"):
        store.verdicts.record(_third(both, pair="GBPUSD"))
    skip, _ = store.verdicts.record(replace(CONFIRM, client_id="skip", action="skip"))
    store.verdicts.retract(both[1].id)
    for one in (skip, both[1]):
        with pytest.raises(InvalidAnnotations, match="found one that says nothing any more"):
            store.verdicts.record(_third([one]))
    assert [one.pair for one in store.series.list()] == ["EURUSD"]
    assert store.verdicts.list() == [both[0]]


def test_what_was_settled_is_not_counted_as_news(store: Store, both: list[Verdict]) -> None:
    series = [("EURUSD", "1h")]
    assert store.freshness.verdicts_after(series, 0) == 2
    store.verdicts.record(_third(both))
    assert store.freshness.verdicts_after(series, 0) == 1


NOTHING = replace(
    CONFIRM, client_id="none", action="nothing", prediction=None, labels=("flag",), start_time=0, end_time=90
)
ADD = replace(
    CONFIRM, client_id="add", action="add", prediction=None, label="flag", start_time=10, end_time=20
)
LOOKED = ReviewedRange(0, 90, frozenset({"flag"}))


def test_the_range_of_a_settled_nothing_is_void_until_that_is_undone(store: Store) -> None:
    nothing, _ = store.verdicts.record(NOTHING)
    third, _ = store.verdicts.record(replace(ADD, settles=(nothing.id,)))
    assert LOOKED not in store.annotations.reviewed("EURUSD", "1h")
    assert store.verdicts.list() == [third]
    assert store.verdicts.list(with_settled=True) == [third, nothing]
    assert store.freshness.verdicts_after([("EURUSD", "1h")], 0) == 1
    with pytest.raises(Conflict, match="settled by another verdict"):
        store.verdicts.record(replace(ADD, client_id="again", settles=(nothing.id,)))
    store.verdicts.retract(third.id)
    assert store.annotations.reviewed("EURUSD", "1h") == [LOOKED]
    assert store.verdicts.list() == [nothing]


def test_nothing_settles_an_added_span_for_as_long_as_it_stands(store: Store) -> None:
    added, _ = store.verdicts.record(ADD)
    nothing, _ = store.verdicts.record(replace(NOTHING, settles=(added.id,)))
    assert _spans(store) == []
    store.verdicts.retract(nothing.id)
    assert _spans(store) == [Span("flag", 10, 20)]
    with pytest.raises(InvalidAnnotations, match="says nothing any more"):
        store.verdicts.record(replace(ADD, client_id="late", settles=(nothing.id,)))
