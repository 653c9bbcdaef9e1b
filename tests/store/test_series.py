from pathlib import Path

import pytest
import sqlalchemy as sa

from mllib.errors import Conflict, NotFound
from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange
from mllib.store import Feedback, Series, Store
from mllib.store.database import database_url


def test_a_series_is_made_once(store: Store) -> None:
    assert store.series.ensure("BTC/USDT", "1h") == Series("BTC/USDT", "1h")
    store.series.ensure("BTC/USDT", "1h")
    store.series.ensure("BTC/USDT", "1d")
    assert store.series.list() == [Series("BTC/USDT", "1d"), Series("BTC/USDT", "1h")]


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


def test_a_delete_takes_everything_of_that_series_and_nothing_else(store: Store, tmp_path: Path) -> None:
    for pair in ("EURUSD", "GBPUSD"):
        one = Annotation("flag", 1, 2, id="a")
        store.annotations.add(pair, "1h", [one], reviewed=[ReviewedRange(0, 9, frozenset({"flag"}))])
        store.annotations.retract("a", pair=pair)
        store.talib.replace(pair, "1h", ["CDLX"], {"CDLX": [PredictedSpan("x", 1, 2, 1.0, 2)]}, 5)
        judged = JudgedPrediction(label="flag", start_time=1, end_time=2)
        store.verdicts.record(
            Feedback(client_id=pair, pair=pair, timeframe="1h", action="confirm", prediction=judged)
        )
    before = _row_counts(tmp_path)
    store.series.delete("EURUSD", "1h")
    after = _row_counts(tmp_path)
    assert all(count > 0 for count in before.values())
    assert {name: 2 * count for name, count in after.items()} == before


def test_an_unknown_series_is_neither_renamed_nor_deleted(store: Store) -> None:
    with pytest.raises(NotFound, match="No series EURUSD 1h"):
        store.series.rename("EURUSD", "1h", "X")
    with pytest.raises(NotFound, match="No series EURUSD 1h"):
        store.series.delete("EURUSD", "1h")


def _row_counts(home: Path) -> dict[str, int]:
    names = ("series", "annotation", "retraction", "reviewed_range", "talib_span", "talib_layer", "verdict")
    engine = sa.create_engine(database_url(home))
    with engine.connect() as connection:
        counts = {name: connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) or 0 for name in names}
    engine.dispose()
    return counts
