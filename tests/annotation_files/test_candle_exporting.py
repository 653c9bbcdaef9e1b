"""The two forms with prices as they are written, and read back."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from mllib.annotation_files import parse_annotations, tagged_of, to_tagged_csv, to_window_csv
from mllib.candles import Candles
from mllib.spans import Annotation, JudgedPrediction, Span

PRICES = np.array([1.0, 1.5, 1.25, 1.1, 1.2, 1.3])
CANDLES = Candles("EURUSD", "1m", np.arange(0, 360, 60), PRICES, PRICES + 0.5, PRICES - 0.5, PRICES)
WITH_VOLUME = replace(CANDLES, volume=np.arange(6, dtype=np.float64))


def _spans(*spans: tuple[str, int, int]) -> list[Annotation]:
    return [
        Annotation(label, 60 * first, 60 * last, id=f"{n}") for n, (label, first, last) in enumerate(spans)
    ]


def _bounds(found: list[Annotation]) -> list[tuple[str, int, int]]:
    return [(one.label, one.start_time // 60, one.end_time // 60) for one in found]


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_candle_has_its_prices_and_its_tag() -> None:
    rows = _rows(to_tagged_csv(_spans(("flag", 1, 2), ("flag", 3, 3), ("wedge", 4, 5)), WITH_VOLUME))
    assert list(rows[0]) == ["time", "open", "high", "low", "close", "volume", "label"]
    assert list(rows[1].values()) == ["60", "1.5", "2.0", "1.0", "1.5", "1.0", "B-flag"]
    assert [row["label"] for row in rows] == ["O", "B-flag", "I-flag", "B-flag", "B-wedge", "I-wedge"]


def test_without_volume_its_cells_are_empty() -> None:
    assert {row["volume"] for row in _rows(to_tagged_csv([], CANDLES))} == {""}


def test_tagged_candles_are_read_back_as_the_spans_that_they_tell_of() -> None:
    told = (("double top, wide", 0, 1), ("flag", 2, 4), ("flag", 5, 5))
    read = parse_annotations(to_tagged_csv(_spans(*told), WITH_VOLUME).encode(), "bio.csv")
    assert _bounds(read.annotations) == list(told)


@pytest.mark.parametrize(
    ("spans", "kept"),
    [
        ((("flag", 0, 1), ("wedge", 1, 4)), [("wedge", 1, 4)]),
        ((("flag", 0, 1), ("wedge", 1, 3), ("top", 3, 5)), [("wedge", 1, 3)]),
        ((("wedge", 2, 3), ("flag", 1, 2)), [("flag", 1, 2)]),
        ((("wedge", 1, 2), ("flag", 1, 2)), [("flag", 1, 2)]),
        ((("flag", 4, 5), ("flag", 0, 1), ("top", 2, 3)), [("flag", 0, 1), ("top", 2, 3), ("flag", 4, 5)]),
    ],
    ids=["longest", "whole", "earliest", "label", "apart"],
)
def test_of_spans_that_share_a_candle_one_is_told_whole(spans, kept) -> None:
    assert _bounds(tagged_of(_spans(*spans))) == kept


def test_talibs_spans_and_dismissals_are_no_tags() -> None:
    flag, dismissed = _spans(("flag", 0, 1), ("O", 3, 4))
    assert tagged_of([replace(flag, source="talib"), dismissed]) == []


def test_a_window_shows_its_candles() -> None:
    (row,) = _rows(to_window_csv(_spans(("flag", 1, 2)), WITH_VOLUME))
    assert json.loads(row["candles"]) == [[1.5, 2.0, 1.0, 1.5, 1.0], [1.25, 1.75, 0.75, 1.25, 2.0]]
    (row,) = _rows(to_window_csv(_spans(("flag", 1, 1)), CANDLES))
    assert json.loads(row["candles"]) == [[1.5, 2.0, 1.0, 1.5, None]]


@pytest.mark.parametrize(("bars", "shown"), [(1_000, 1_000), (1_001, None)])
def test_a_long_window_fits_into_a_cell(bars: int, shown: int | None) -> None:
    # Prices of as many digits as there can be.
    prices = np.full(2_000, 1.2345678901234567e-12)
    candles = Candles("EURUSD", "1m", np.arange(2_000) * 60, prices, prices, prices, prices, prices)
    text = to_window_csv(_spans(("flag", 0, bars - 1)), candles)
    assert _bounds(parse_annotations(text.encode(), "windows.csv").annotations) == [("flag", 0, bars - 1)]
    (row,) = _rows(text)
    assert (len(json.loads(row["candles"])) if row["candles"] else None) == shown


def test_windows_are_read_back_as_the_annotations_that_they_are() -> None:
    judged = JudgedPrediction(label="x", confidence=0.5, model_version="3", start_time=0, end_time=60)
    said = [
        Annotation(
            "flag", 0, 120, id="a", clarity=4, sub_spans=(Span("pole, steep", 0, 0),), notes='"so",\nhe said'
        ),
        Annotation(
            "flag", 60, 180, id="b", source="model_confirmed", model_prediction=judged, extra={"as_of": 240}
        ),
        Annotation("doji", 240, 240, id="c", source="talib", created_at=7),
    ]
    dismissed = Annotation("O", 0, 60, id="d", model_prediction=judged)
    read = parse_annotations(to_window_csv([*said, dismissed], WITH_VOLUME).encode(), "windows.csv")
    assert read.annotations == said
    assert "One row a window: 3 read" in read.notes[0]
