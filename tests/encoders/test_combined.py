"""What is the `combined` encoder's own: which part decodes a label. The contract is in test_encoders."""

from dataclasses import replace

import numpy as np
import pytest

from mllib.encoders import TuningPart
from mllib.encoders.combined import CombinedEncoder, Decoder
from mllib.rows import Rows
from mllib.spans import Span
from tests.encoders.learned import SERIES, learned, span

CANDLES = SERIES[4]
FLAGS = [span(CANDLES, "flag", start, start + 9) for start in range(40, 200, 20)]


def _learned(variant: str = "combined") -> CombinedEncoder:
    encoder = learned(variant)
    assert isinstance(encoder, CombinedEncoder)
    return encoder


def _decoder(encoder: CombinedEncoder, label: str) -> Decoder:
    return encoder.decoded_by[encoder.labels.index(label)]


def _right(encoder: CombinedEncoder, rows: Rows, *, by: Decoder) -> np.ndarray:
    """Probabilities with which one part finds every flag, and the other none."""
    P = np.full((len(rows), len(encoder.columns)), 0.001, np.float32)
    of_bars = rows.end - rows.start == 1
    for flag in FLAGS:
        start, end = np.searchsorted(CANDLES.time, [flag.start_time, flag.end_time + 1])
        if by == "bio":
            P[of_bars & (rows.start == start), encoder.columns.index("B-flag")] = 0.95
            inside = of_bars & (rows.start > start) & (rows.start < end)
            P[inside, encoder.columns.index("I-flag")] = 0.95
        else:
            shared = np.minimum(rows.end, end) - np.maximum(rows.start, start)
            iou = np.where(of_bars, 0, shared / (rows.end - rows.start + 9 - shared))
            P[int(iou.argmax()), encoder.columns.index("flag")] = 0.95
    return P


def test_windows_are_judged_for_labels_that_are_typically_longer() -> None:
    encoder = _learned()
    assert encoder.window.labels == ("flag",)
    assert {label: _decoder(encoder, label) for label in encoder.labels} == {
        "doji": "bio", "engulfing": "bio", "flag": "window", "harami": "bio", "wedge": "bio"
    }  # fmt: skip
    assert len(encoder.parts) == 2


def test_with_short_labels_alone_there_is_one_part_and_no_window() -> None:
    encoder = _learned("combined, short labels")
    (part,) = encoder.parts
    rows = encoder.propose(CANDLES)
    assert part.holds(rows).all()
    assert len(rows) == len(CANDLES)
    assert encoder.window.labels == ()
    assert set(encoder.decoded_by) == {"bio"}


def test_a_row_is_a_candle_of_one_bar_or_a_window_of_more() -> None:
    encoder = _learned()
    rows, bars = encoder.propose(CANDLES), encoder.bio.propose(CANDLES)
    of_bars = rows.end - rows.start == 1
    features = len(encoder.bio.feature_columns)
    np.testing.assert_array_equal(rows.X[of_bars, :features], bars.X)
    windows = encoder.window.propose(CANDLES)
    np.testing.assert_array_equal(rows.X[~of_bars, features:], windows.X[windows.end - windows.start > 1])


@pytest.mark.parametrize("better", ["bio", "window"])
@pytest.mark.parametrize("before", ["bio", "window"])
def test_the_part_that_finds_a_longer_label_better_decodes_it(better: Decoder, before: Decoder) -> None:
    encoder = _learned()
    encoder = replace(
        encoder, decoded_by=tuple(before if label == "flag" else "bio" for label in encoder.labels)
    )
    rows = encoder.propose(CANDLES)
    P = _right(encoder, rows, by=better)
    counts = np.ones((len(CANDLES), len(encoder.columns)), bool)
    tuned = encoder.tune([TuningPart(CANDLES, rows, P, FLAGS, counts)])
    assert _decoder(tuned, "flag") == better
    assert {_decoder(tuned, label) for label in encoder.labels if label != "flag"} == {"bio"}
    found = [one for one in tuned.decode(CANDLES, rows, P) if one.label == "flag"]
    assert len(found) == len(FLAGS)
    covered = tuned.coverage(CANDLES, rows, P)[:, tuned.labels.index("flag")]
    assert covered.max() > 0.9


def test_parts_are_compared_on_bars_that_count_for_both() -> None:
    """Where candles were held out and windows were not, neither is said to be better."""
    encoder = _learned()
    rows = encoder.propose(CANDLES)
    P = _right(encoder, rows, by="bio")
    counts = np.ones((len(CANDLES), len(encoder.columns)), bool)
    counts[:, encoder.columns.index("flag")] = False
    tuned = encoder.tune([TuningPart(CANDLES, rows, P, FLAGS, counts)])
    assert _decoder(tuned, "flag") == "window"


def test_nothing_to_choose_by_leaves_it_as_it_was() -> None:
    encoder = _learned()
    rows = encoder.propose(CANDLES)
    P = np.full((len(rows), len(encoder.columns)), 0.3, np.float32)
    none: list[Span] = []
    assert encoder.tune([]) == encoder
    counts = np.zeros((len(CANDLES), len(encoder.columns)), bool)
    assert encoder.tune([TuningPart(CANDLES, rows, P, none, counts)]).decoded_by == encoder.decoded_by
