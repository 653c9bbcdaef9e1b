"""What is the `window` encoder's own: targets by overlap, and cuts. The contract is in test_encoders."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.encoders import EncodingConfig, TuningPart, window
from mllib.encoders.choosing import FINE_CUTS
from mllib.encoders.window import LEAST_IOU, WindowEncoder
from mllib.features import ContextConfig
from mllib.rows import Rows
from mllib.spans import Annotation, ReviewedRange, Span
from tests import naive
from tests.encoders.learned import CONTEXT, examples, learned, span
from tests.naive import bars_of, looked_at, walk

SIXTY = walk(60, seed=1)
WINDOWS = st.lists(
    st.tuples(st.integers(0, 45), st.integers(1, 15)).map(lambda w: (w[0], w[0] + w[1])), max_size=15
)


def _learned(variant: str = "window") -> WindowEncoder:
    encoder = learned(variant)
    assert isinstance(encoder, WindowEncoder)
    return encoder


def _rows(windows: list[tuple[int, int]], candles: Candles = SIXTY) -> Rows:
    """Rows that judge these windows and no more; `X` is empty."""
    where = np.array(windows, np.int64).reshape(-1, 2)
    start, end = where.T
    time, zero = candles.time[start], np.zeros(len(where), np.int32)
    known = candles.time[end - 1]
    return Rows(np.empty((len(where), 0), np.float32), zero, start, end, time, known, known, zero)


def _targets(
    windows: list[tuple[int, int]], spans: list[tuple[int, int]], reviewed: list[ReviewedRange]
) -> str:
    """For each window a character about flags: 1, 0, or ? where it is not known."""
    encoder = _learned()
    flags = [span(SIXTY, "flag", *one) for one in spans]
    targets = encoder.label(_rows(windows), SIXTY, flags, reviewed)
    column = encoder.columns.index("flag")
    cells = zip(targets.mask[:, column], targets.Y[:, column], strict=True)
    return "".join(str(int(y)) if known else "?" for known, y in cells)


def _range(start: int, end: int, *labels: str) -> ReviewedRange:
    return ReviewedRange(int(SIXTY.time[start]), int(SIXTY.time[end - 1]), frozenset(labels))


ALL = _range(0, 60, "flag", "doji", "engulfing", "harami", "wedge")


@settings(deadline=None)
@given(WINDOWS, WINDOWS, st.integers(0, 59), st.integers(0, 59))
def test_targets_are_those_of_a_loop_over_windows_and_spans(
    windows: list[tuple[int, int]], truth: list[tuple[int, int]], first: int, last: int
) -> None:
    reviewed = [_range(min(first, last), max(first, last) + 1, "flag")]
    expected = naive.window_targets(
        windows,
        truth,
        looked_at("flag", SIXTY, reviewed),
        least_iou=LEAST_IOU,
        as_good=window._AS_GOOD,
        nearly_as_good=window._NEARLY_AS_GOOD,
    )
    assert _targets(windows, truth, reviewed) == expected


def test_the_window_that_is_nearest_to_a_span_is_its_label_and_what_is_near_is_not_known() -> None:
    windows = [(10, 20), (10, 19), (11, 20), (14, 26), (30, 40)]
    assert _targets(windows, [(10, 20)], [ALL]) == "1??00"
    assert _targets(windows[1:], [(10, 20)], [ALL]) == "1100"


def test_a_span_that_no_window_comes_near_teaches_no_positive() -> None:
    assert _targets([(10, 14), (40, 50)], [(10, 30)], [ALL]) == "?0"


def test_a_window_across_the_edge_of_what_was_reviewed_is_not_known() -> None:
    assert _targets([(10, 20), (14, 24), (20, 30), (29, 31)], [], [_range(14, 30, "flag")]) == "?00?"
    assert _targets([(10, 20)], [], [_range(0, 60, "wedge")]) == "?"


def test_a_span_is_known_where_nobody_reviewed() -> None:
    assert _targets([(10, 20), (40, 50)], [(10, 20)], []) == "1?"


def test_other_labels_take_nothing_away() -> None:
    encoder = _learned()
    spans = [span(SIXTY, "flag", 10, 20), span(SIXTY, "wedge", 11, 21)]
    targets = encoder.label(_rows([(10, 20), (11, 21)]), SIXTY, spans, [ALL])
    flag, wedge = (encoder.columns.index(label) for label in ("flag", "wedge"))
    assert targets.Y[:, flag].tolist() == [1, 0]
    assert targets.Y[:, wedge].tolist() == [0, 1]
    assert targets.mask[:, flag].tolist() == [True, False]


def test_a_window_weighs_by_the_clarity_of_the_span_it_is() -> None:
    encoder = _learned()
    rated = [("flag", 10, 20, 2), ("flag", 30, 40, None), ("wedge", 30, 41, 1)]
    spans = [
        Annotation(**asdict(span(SIXTY, label, start, end)), id=f"a{i}", clarity=clarity)
        for i, (label, start, end, clarity) in enumerate(rated)
    ]
    targets = encoder.label(_rows([(10, 20), (30, 40), (50, 55)]), SIXTY, spans, [ALL])
    assert targets.weights[:, encoder.columns.index("flag")] == pytest.approx([0.4, 1, 1])


def test_spans_beside_the_candles_or_without_a_candle_change_nothing() -> None:
    encoder = _learned()
    beside = [Span("flag", 0, 5), Span("flag", 2**40, 2**41), Span("new", *SIXTY.time[[10, 19]].tolist())]
    targets = encoder.label(_rows([(10, 20)]), SIXTY, beside, [ALL])
    assert not targets.Y.any()
    assert targets.mask.all()


def test_a_span_that_reaches_beyond_the_candles_keeps_what_lies_on_them() -> None:
    encoder = _learned()
    cut = [Span("flag", 0, int(SIXTY.time[9])), Span("flag", int(SIXTY.time[50]), 2**40)]
    targets = encoder.label(_rows([(0, 10), (50, 60)]), SIXTY, cut, [])
    assert targets.Y[:, encoder.columns.index("flag")].tolist() == [1, 1]


def _decoded(windows: list[tuple[int, int]], P: list[float], encoder: WindowEncoder) -> list[tuple[int, int]]:
    column = np.zeros((len(windows), len(encoder.columns)), np.float32)
    column[:, encoder.columns.index("flag")] = P
    found = encoder.decode(SIXTY, _rows(windows), column)
    assert {one.label for one in found} <= {"flag"}
    return [(min(bars_of(one, SIXTY)), max(bars_of(one, SIXTY)) + 1) for one in found]


def test_of_windows_that_overlap_the_most_probable_becomes_a_span() -> None:
    windows = [(10, 20), (11, 21), (30, 40), (45, 55)]
    assert _decoded(windows, [0.6, 0.8, 0.9, 0.4], _learned()) == [(11, 21), (30, 40)]


def test_a_window_below_the_cut_suppresses_nothing_and_becomes_nothing() -> None:
    lanes = tuple(lane.model_copy(update={"cut": 0.7}) for lane in _learned().lanes)
    encoder = replace(_learned(), lanes=lanes)
    assert _decoded([(10, 20), (30, 40)], [0.69, 0.7], encoder) == [(30, 40)]


def test_a_span_says_its_windows_probability_and_candles() -> None:
    encoder = _learned()
    P = np.zeros((1, len(encoder.columns)), np.float32)
    P[0, encoder.columns.index("wedge")] = 0.75
    (found,) = encoder.decode(SIXTY, _rows([(20, 26)]), P)
    assert (found.label, found.avg_confidence, found.candle_count) == ("wedge", 0.75, 6)
    assert (found.start_time, found.end_time) == (SIXTY.time[20], SIXTY.time[25])


@given(WINDOWS, st.integers(0, 99))
def test_coverage_is_that_of_a_loop_for_each_label(windows: list[tuple[int, int]], seed: int) -> None:
    encoder = _learned()
    P = np.random.default_rng(seed).random((len(windows), len(encoder.columns))).astype(np.float32)
    covered = encoder.coverage(SIXTY, _rows(windows), P)
    for i in range(len(encoder.labels)):
        assert covered[:, i].tolist() == naive.largest_over(windows, P[:, i].tolist(), 60)


def _part(P: np.ndarray, spans: list[Span], windows: list[tuple[int, int]]) -> TuningPart:
    return TuningPart(SIXTY, _rows(windows), P, spans, np.ones((60, P.shape[1]), bool))


def test_tuning_chooses_the_cut_that_finds_the_spans() -> None:
    encoder = _learned()
    windows = [(start, start + 6) for start in range(0, 54, 6)]
    P = np.full((9, len(encoder.columns)), 0.11, np.float32)
    P[::2, encoder.columns.index("flag")] = 0.35
    truth = [span(SIXTY, "flag", *one) for one in windows[::2]]
    tuned = encoder.tune([_part(P, truth, windows)])
    cuts = {lane.label: lane.cut for lane in tuned.lanes}
    assert 0.11 < cuts["flag"] <= 0.35
    assert cuts["flag"] in FINE_CUTS
    assert cuts["doji"] == cuts["flag"]  # without examples of its own it leans on the others
    found = [one for one in tuned.decode(SIXTY, _rows(windows), P) if one.label == "flag"]
    assert [one.start_time for one in found] == [one.start_time for one in truth]
    assert encoder.tune([]) == encoder


def test_bars_that_do_not_count_choose_no_cut() -> None:
    encoder = _learned()
    windows = [(0, 6), (30, 36)]
    P = np.full((2, len(encoder.columns)), 0.3, np.float32)
    truth = [span(SIXTY, label, 0, 6) for label in encoder.labels]
    counts = np.zeros((60, len(encoder.labels)), bool)
    assert encoder.tune([TuningPart(SIXTY, _rows(windows), P, truth, counts)]) == encoder


def test_evidence_counts_the_windows_that_are_known() -> None:
    encoder = _learned()
    windows = [(10, 20), (10, 19), (30, 40), (41, 46)]
    targets = encoder.label(_rows(windows), SIXTY, [span(SIXTY, "flag", 10, 20)], [ALL])
    evidence = encoder.evidence(targets)
    assert evidence["flag"] == (1, 2)
    assert evidence["harami"] == (0, 4)


def test_how_far_it_reads_follows_what_it_judges() -> None:
    swings, fixed, padded = (_learned(name) for name in ("window", "window, fixed", "window, padded"))
    assert swings.reach[1] == 12  # the longest span that it has learned from
    assert fixed.reach[1] == 12  # its window size
    assert padded.reach[1] > swings.reach[1]
    assert swings.needed_bars == swings.reach[0] + 1
    assert fixed.needed_bars == fixed.reach[0] + 12
    for encoder in (swings, fixed, padded):
        assert encoder.provisional_bars > encoder.reach[1]
        assert encoder.context_bars > encoder.reach[0]


@pytest.mark.parametrize("proposals", ["swings", "fixed"])
def test_windows_last_as_long_as_the_settings_or_the_examples_say(proposals: str) -> None:
    config = EncodingConfig.model_validate({"proposals": proposals, "window_size": 20})
    rows = WindowEncoder.learn(CONTEXT, examples("window"), config).propose(walk(200, seed=2))
    lengths = set((rows.end - rows.start).tolist())
    assert lengths == {20} if proposals == "fixed" else lengths <= set(range(1, 13))
    assert len({*zip(rows.start.tolist(), rows.end.tolist(), strict=True)}) == len(rows)


def test_custom_features_are_those_of_the_first_and_the_last_bar(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("users")
    source = "def body(candles): return {'x': candles.close - candles.open}\nbody.past_bars = 0"
    (folder / "users_window.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    context = ContextConfig(past_bars=20, future_bars=8, groups=("path", "users_window.body"))
    encoder = WindowEncoder.learn(
        context, examples("window"), EncodingConfig(proposals="fixed", window_size=16)
    )
    rows = encoder.propose(SIXTY)
    body = (SIXTY.close - SIXTY.open).astype(np.float32)
    columns = {column.name: i for i, column in enumerate(encoder.feature_columns)}
    np.testing.assert_array_equal(rows.X[:, columns["users_window.body.x@start"]], body[rows.start])
    np.testing.assert_array_equal(rows.X[:, columns["users_window.body.x@end"]], body[rows.end - 1])


def test_a_custom_features_past_counts_from_the_start_and_its_future_from_the_end(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("users")
    source = (
        "import numpy as np\ndef ahead(candles): return {'x': np.append(candles.close[2:], [np.nan] * 2)}"
    )
    (folder / "users_ahead.py").write_text(f"{source}\nahead.past_bars, ahead.future_bars = 0, 2")
    monkeypatch.syspath_prepend(folder)
    context = ContextConfig(past_bars=20, future_bars=8, groups=("path", "users_ahead.ahead"))
    encoder = WindowEncoder.learn(
        context, examples("window"), EncodingConfig(proposals="fixed", window_size=16)
    )
    rows = encoder.propose(SIXTY)
    assert encoder.reach[1] == 18
    np.testing.assert_array_equal(rows.known_at, SIXTY.time[np.minimum(rows.end + 1, 59)])
