"""What changes the revision of a store, and what does not."""

from collections.abc import Callable

from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange
from mllib.store import Feedback, Store

PREDICTION = JudgedPrediction(label="flag", start_time=60, end_time=120)


def judged(store: Store, action: str) -> str:
    said = {"client_id": action, "pair": "EURUSD", "timeframe": "1m", "action": action}
    return store.verdicts.record(Feedback(**said, prediction=PREDICTION))[0].id  # type: ignore[arg-type]


def nothing(store: Store) -> str:
    bounds = {"start_time": 60, "end_time": 120}
    said = {"client_id": "nothing", "pair": "EURUSD", "timeframe": "1m", "action": "nothing"}
    return store.verdicts.record(Feedback(**said, labels=("flag",), **bounds))[0].id  # type: ignore[arg-type]


def layer(store: Store, start_time: int) -> None:
    spans = {"CDLDOJI": [PredictedSpan("bullish_doji", start_time, start_time, 1.0, 1)]}
    store.talib.replace("EURUSD", "1m", ["CDLDOJI"], spans, start_time)


CHANGES: list[Callable[[Store], object]] = [
    lambda store: store.annotations.add("EURUSD", "1m", [Annotation("flag", 60, 120, id="a")]),
    lambda store: store.annotations.add("EURUSD", "1m", [], reviewed=[ReviewedRange(0, 600, frozenset("f"))]),
    lambda store: store.annotations.retract("a"),
    lambda store: judged(store, "confirm"),
    lambda store: judged(store, "skip"),
    lambda store: store.verdicts.retract(store.verdicts.list(with_skips=True)[0].id),
    nothing,
    lambda store: store.verdicts.retract(store.verdicts.list()[0].id),
    lambda store: store.labels.rename("flag", "banner"),
    lambda store: layer(store, 120),
    lambda store: layer(store, 180),
]


def test_each_change_of_what_counts_changes_the_revision(store: Store) -> None:
    store.labels.add("flag", color=None)
    seen = [store.revision()]
    for change in CHANGES:
        change(store)
        seen.append(store.revision())
    assert len(set(seen)) == len(CHANGES) + 1


def test_a_skip_changes_nothing_of_what_people_said(store: Store) -> None:
    before = store.revision()
    judged(store, "skip")
    after = store.revision()
    assert (after.said, after.derived) == (before.said, before.derived)
    assert after.verdicts != before.verdicts


def test_taking_nothing_back_changes_what_people_said(store: Store) -> None:
    verdict_id = nothing(store)
    series = [("EURUSD", "1m")]
    before, token = store.revision(), store.freshness.labels(series)
    store.verdicts.retract(verdict_id)
    assert store.revision().said != before.said
    assert store.freshness.labels(series) != token
    assert store.freshness.verdicts_after(series, 0) == 0


def test_series_that_share_a_pair_or_a_timeframe_with_those_asked_for_do_not_count(store: Store) -> None:
    judged(store, "confirm")
    crossed = [("EURUSD", "1h"), ("OTHER", "1m")]
    token = store.freshness.labels(crossed)
    assert store.freshness.verdicts_after(crossed, 0) == 0
    assert store.freshness.verdicts_after([("EURUSD", "1m")], 0) == 1
    assert store.freshness.verdicts_after([], 0) == 0
    nothing(store)
    assert store.freshness.labels(crossed) == token


def test_a_repeat_changes_nothing(store: Store) -> None:
    judged(store, "confirm")
    before = store.revision()
    judged(store, "confirm")
    store.runs.list()
    assert store.revision() == before


def test_an_empty_store_has_one_too(store: Store) -> None:
    assert {n for part in store.revision() for n in part} == {0}
