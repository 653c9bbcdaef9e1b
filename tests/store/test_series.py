import pytest

from mllib.errors import Conflict, NotFound
from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange
from mllib.store import Feedback, Series, Store
from tests.sql import rows_of


def test_a_series_is_made_once(store: Store) -> None:
    assert store.series.ensure("BTC/USDT", "1h") == Series("BTC/USDT", "1h")
    store.series.ensure("BTC/USDT", "1h")
    store.series.ensure("BTC/USDT", "1d")
    assert store.series.list() == [Series("BTC/USDT", "1d"), Series("BTC/USDT", "1h")]


def test_the_order_is_that_of_the_characters_on_every_server(store: Store) -> None:
    """The servers of the tests were set up for English, which puts a before B and passes over the slash."""
    names = ["EURUSD", "EUR/USD", "a", "B"]
    for name in names:
        store.series.ensure(name, "1h")
    assert [one.pair for one in store.series.list()] == sorted(names)
    store.annotations.add("B", "1h", [Annotation(name, 1, 2, id=name) for name in names])
    assert [one.label for one in store.annotations.list("B", "1h")] == sorted(names)


def test_annotations_follow_a_rename(store: Store) -> None:
    store.annotations.add("EURUSD", "1h", [Annotation("flag", 1, 2, id="a")])
    assert store.series.rename("EURUSD", "1h", "EUR/USD") == Series("EUR/USD", "1h")
    assert [one.id for one in store.annotations.list("EUR/USD", "1h")] == ["a"]
    assert store.annotations.list("EURUSD", "1h") == []


def test_a_rename_onto_another_series_is_refused(store: Store) -> None:
    store.series.ensure("EURUSD", "1h")
    store.series.ensure("GBPUSD", "1h")
    with pytest.raises(Conflict, match="EURUSD 1h cannot be renamed to GBPUSD: found GBPUSD 1h already"):
        store.series.rename("EURUSD", "1h", "GBPUSD")
    assert len(store.series.list()) == 2


def test_a_delete_takes_everything_of_that_series_and_nothing_else(store: Store, url: str) -> None:
    for pair in ("EURUSD", "GBPUSD"):
        one = Annotation("flag", 1, 2, id="a")
        store.annotations.add(pair, "1h", [one], reviewed=[ReviewedRange(0, 9, frozenset({"flag"}))])
        store.annotations.retract("a", pair=pair)
        store.talib.replace(pair, "1h", ["CDLX"], {"CDLX": [PredictedSpan("x", 1, 2, 1.0, 2)]}, 5)
        judged = JudgedPrediction(label="flag", start_time=1, end_time=2)
        store.verdicts.record(
            Feedback(client_id=pair, pair=pair, timeframe="1h", action="confirm", prediction=judged)
        )
    before = _row_counts(url)
    store.series.delete("EURUSD", "1h")
    after = _row_counts(url)
    assert all(count > 0 for count in before.values())
    assert {name: 2 * count for name, count in after.items()} == before


def test_an_unknown_series_is_neither_renamed_nor_deleted(store: Store) -> None:
    with pytest.raises(NotFound, match="No series EURUSD 1h"):
        store.series.rename("EURUSD", "1h", "X")
    with pytest.raises(NotFound, match="No series EURUSD 1h"):
        store.series.delete("EURUSD", "1h")


def _row_counts(url: str) -> dict[str, int]:
    names = ("series", "annotation", "retraction", "reviewed_range", "talib_span", "talib_layer", "verdict")
    return {name: len(rows_of(url, f"SELECT 1 FROM {name}")) for name in names}
