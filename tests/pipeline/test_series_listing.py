import time

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.errors import NotFound
from mllib.pipeline.annotations import label_series
from mllib.pipeline.series_listing import gaps_of, list_series
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback
from tests.naive import sample


def test_spans_count_by_source_and_verdicts_with_them(ws: Workspace, candles: Candles) -> None:
    t = candles.time.tolist()
    ws.store.annotations.add("EURUSD", "1h", [Annotation("bull_flag", t[3], t[9], id="a")])
    judged = JudgedPrediction(label="bull_flag", start_time=t[20], end_time=t[30], model_version="1")
    ws.store.verdicts.record(
        Feedback(client_id="c", pair="EURUSD", timeframe="1h", action="confirm", prediction=judged)
    )
    talib = sum(label_series(ws, pair="EURUSD", timeframe="1h", functions=["CDLENGULFING"]).values())
    found = list_series(ws)
    (series,) = found.series
    assert (series.name, series.info.rows, series.verdicts) == ("EURUSD 1h", 300, 1)
    assert series.spans == {"human": 1, "model_confirmed": 1, "talib": talib}
    assert abs(series.changed_at - time.time()) < 300
    assert found.damaged == {}


def test_a_damaged_file_is_told_beside_the_others(ws: Workspace) -> None:
    (ws.home / "candles" / "BAD_1h.parquet").write_bytes(b"PAR1")
    found = list_series(ws)
    assert [series.name for series in found.series] == ["EURUSD 1h"]
    assert "Restore the file, or delete it" in found.damaged["BAD 1h"]


def test_gaps_of_a_stored_series_are_those_of_an_open_market(ws: Workspace) -> None:
    whole = sample("EURUSD_1h")[:3_000]
    kept = np.ones(3_000, bool)
    kept[2_000:2_006] = False
    thinned = Candles(
        "HOLED", "1h", *(getattr(whole, n)[kept] for n in ("time", "open", "high", "low", "close"))
    )
    ws.candles.merge(thinned)
    assert [gap.missing for gap in gaps_of(ws, pair="HOLED", timeframe="1h") if not gap.is_day_off] == [6]
    with pytest.raises(NotFound):
        gaps_of(ws, pair="NONE", timeframe="1h")
