import numpy as np
import pandas as pd
import pytest
from purgedcv import apply_embargo, purge
from pydantic import ValidationError

from mllib.candles import Candles
from mllib.encoders import EncodingConfig
from mllib.encoders.bio import BioEncoder
from mllib.errors import TrainingFailed
from mllib.features import ContextConfig
from mllib.rows import Rows, Targets
from mllib.splits import (
    Intervals,
    Split,
    SplitConfig,
    divided,
    make_split,
    purged_folds,
    random_split,
    temporal_split,
    walk_forward,
)
from mllib.timeframes import SECONDS
from tests.naive import walk

PAST, FUTURE = 20, 10
CONTEXT = ContextConfig(past_bars=PAST, future_bars=FUTURE)
ENCODER = BioEncoder.learn(CONTEXT, {}, EncodingConfig())
BLOCKS = ("train", "validation", "test")

SERIES = [
    [walk(700, seed=1)],
    [walk(700, seed=1), walk(400, seed=2)],
    [walk(900, seed=1), walk(120, seed=2, timeframe="1d")],
    [walk(900, seed=1)[200:], walk(500, seed=3, timeframe="4h", weekends=False)],
]
EACH = pytest.mark.parametrize("series", SERIES, ids=["one", "two symbols", "1h and 1d", "other starts"])


def _intervals(series: list[Candles]) -> Intervals:
    return Intervals.joined([Intervals.of(ENCODER.propose(candles), candles) for candles in series])


def _moments_read(series: list[Candles]) -> list[set[int]]:
    """For each row every half hour that the bars it reads last, bar by bar."""
    found = []
    for candles in series:
        step, time = SECONDS[candles.timeframe], candles.time.tolist()
        lasts = [set(range(t, t + step, 1_800)) for t in time]
        found += [set().union(*lasts[max(bar - PAST, 0) : bar + FUTURE + 1]) for bar in range(len(time))]
    return found


def _read(moments: list[set[int]], rows: np.ndarray) -> set[int]:
    return set().union(*(moments[i] for i in np.flatnonzero(rows)))


@EACH
@pytest.mark.parametrize("method", ["temporal", "random"])
def test_no_row_of_one_block_reads_a_moment_that_another_block_reads(
    series: list[Candles], method: str
) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    config = SplitConfig(split_method=method, validation_split=0.2)
    split = make_split(intervals, config, seed=1)
    read = [_read(moments, split.holds(block, intervals)) for block in BLOCKS]
    assert all(read)
    assert not read[0] & read[1]
    assert not read[1] & read[2]
    assert not read[0] & read[2]


@EACH
def test_nothing_is_purged_but_what_reads_across_a_moment(series: list[Candles]) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    split = temporal_split(intervals, SplitConfig())
    in_none = ~np.logical_or.reduce([split.holds(block, intervals) for block in BLOCKS])
    for i, read in enumerate(moments):
        crosses = any(min(read) < moment <= max(read) for moment in split.moments)
        assert in_none[i] == crosses


def _times(intervals: Intervals) -> tuple[pd.Series, pd.Series]:
    return (
        pd.Series(pd.to_datetime(intervals.reads_from, unit="s")),
        pd.Series(pd.to_datetime(intervals.reads_until, unit="s")),
    )


@EACH
def test_the_purge_of_a_temporal_split_is_that_of_purgedcv(series: list[Candles]) -> None:
    intervals = _intervals(series)
    split = temporal_split(intervals, SplitConfig())
    validation_from, test_from = split.moments
    train, validation, test = (np.flatnonzero(split.holds(block, intervals)) for block in BLOCKS)
    earlier = np.flatnonzero(intervals.reads_from < validation_from)
    middle = np.flatnonzero((intervals.reads_from >= validation_from) & (intervals.opens_at < test_from))
    later = np.concatenate([validation, test])
    np.testing.assert_array_equal(train, purge(earlier, later, *_times(intervals)))
    np.testing.assert_array_equal(validation, purge(middle, test, *_times(intervals)))


@pytest.mark.parametrize("embargo_bars", [0, 7])
@pytest.mark.parametrize(
    "series",
    [[walk(500, seed=1, weekends=False)], [walk(500, seed=1, weekends=False), walk(300, seed=2)]],
    ids=["one", "two symbols"],
)
def test_folds_are_those_of_purgedcv(series: list[Candles], embargo_bars: int) -> None:
    intervals = _intervals(series)
    folds = purged_folds(intervals, folds=4, embargo_bars=embargo_bars)
    assert np.sum([held_out for _, held_out in folds], axis=0).tolist() == [1] * len(intervals)
    for train, held_out in folds:
        held = np.flatnonzero(held_out)
        expected = purge(np.flatnonzero(~held_out), held, *_times(intervals))
        # theirs is closed at its end
        embargo = pd.Timedelta(seconds=embargo_bars * 3_600 - 1) if embargo_bars else None
        expected = apply_embargo(expected, held, *_times(intervals), embargo)
        np.testing.assert_array_equal(np.flatnonzero(train), expected)


@EACH
def test_folds_share_no_moment_and_hold_each_row_out_once(series: list[Candles]) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    folds = purged_folds(intervals, folds=3)
    assert np.sum([held_out for _, held_out in folds], axis=0).tolist() == [1] * len(intervals)
    for train, held_out in folds:
        assert train.any()
        assert not _read(moments, train) & _read(moments, held_out)


@EACH
def test_after_each_moment_the_embargo_keeps_bars_of_the_series_own_timeframe_free(
    series: list[Candles],
) -> None:
    intervals = _intervals(series)
    split = temporal_split(intervals, SplitConfig(embargo_bars=5, validation_split=0.2))
    free = Split(split.moments, split.blocks)
    assert (split.holds("train", intervals) == free.holds("train", intervals)).all()
    for block, moment in zip(BLOCKS[1:], split.moments, strict=True):
        held, without = split.holds(block, intervals), free.holds(block, intervals)
        late = (intervals.reads_from - moment) // intervals.bar_s >= 5
        np.testing.assert_array_equal(held, without & late)
        assert held.sum() < without.sum()


@EACH
def test_walk_forward_goes_on_and_leaves_the_last_block_alone(series: list[Candles]) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    config = SplitConfig(validation_split=0.2)
    test_from = temporal_split(intervals, config).moments[1]
    splits = walk_forward(intervals, config, folds=2)
    assert len(splits) == 2
    tested: set[int] = set()
    for split in splits:
        read = [_read(moments, split.holds(block, intervals)) for block in BLOCKS]
        assert max(read[0]) < min(read[1]) <= max(read[1]) < min(read[2]) <= max(read[2]) < test_from
        assert not tested & read[2]
        tested |= read[2]
    assert splits[0].moments[2] == splits[1].moments[1]
    assert splits[1].moments[2] == test_from


def test_a_random_split_deals_stretches_by_the_shares_and_the_seed() -> None:
    intervals = _intervals([walk(20_000, seed=1)])
    config = SplitConfig(split_method="random", test_split=0.25, validation_split=0.25)
    split = random_split(intervals, config, seed=3)
    assert split == random_split(intervals, config, seed=3)
    assert split != random_split(intervals, config, seed=4)
    assert len(split.blocks) > 6
    assert all(a != b for a, b in zip(split.blocks, split.blocks[1:], strict=False))
    for block, share in (("test", 0.25), ("validation", 0.25), ("train", 0.5)):
        assert split.holds(block, intervals).mean() == pytest.approx(share, abs=0.08)


def test_a_block_is_divided_at_a_moment() -> None:
    intervals, moments = _intervals(SERIES[2]), _moments_read(SERIES[2])
    validation = temporal_split(intervals, SplitConfig(validation_split=0.4)).holds("validation", intervals)
    earlier, later = divided(intervals, validation, embargo_bars=3)
    assert earlier.any()
    assert later.any()
    assert not (earlier & ~validation).any()
    assert not (later & ~validation).any()
    assert max(_read(moments, earlier)) < min(_read(moments, later))
    nothing = np.zeros(len(intervals), bool)
    assert not np.any(divided(intervals, nothing, embargo_bars=0))


def test_ranges_tell_where_blocks_lie() -> None:
    split = Split((10, 20, 30, 40), ("train", "test", "train", "validation", "test"))
    assert split.ranges("train") == [(None, 9), (20, 29)]
    assert split.ranges("train", "validation") == [(None, 9), (20, 39)]
    assert split.ranges("test") == [(10, 19), (40, None)]


def test_bars_of_a_series_are_judged_in_the_block_that_holds_all_they_depend_on() -> None:
    candles = walk(100, seed=1)
    bars = Intervals.of_bars(candles, (3, 2))
    split = Split((int(candles.time[40]), int(candles.time[70])), BLOCKS)
    assert np.flatnonzero(split.holds("validation", bars)).tolist() == list(range(43, 68))
    assert np.flatnonzero(split.holds("test", bars)).tolist() == list(range(73, 100))
    assert not len(Intervals.of_bars(candles[:0], (3, 2)))


def test_the_shares_are_those_asked_for() -> None:
    intervals = _intervals([walk(2_000, seed=1)])
    split = temporal_split(intervals, SplitConfig(test_split=0.3, validation_split=0.2))
    assert (intervals.opens_at >= split.moments[1]).mean() == pytest.approx(0.3, abs=0.01)
    assert (intervals.opens_at >= split.moments[0]).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("method", ["temporal", "random"])
def test_too_few_candles_for_three_blocks_are_said_so(method: str) -> None:
    config = SplitConfig(split_method=method)
    with pytest.raises(TrainingFailed, match=r"the \w+ block is empty after purging .* Import more candles"):
        make_split(_intervals([walk(80, seed=1)]), config, seed=0)


def test_a_random_split_that_leaves_no_stretch_to_train_on_is_said_so() -> None:
    config = SplitConfig(split_method="random", test_split=0.6, validation_split=0.3)
    with pytest.raises(TrainingFailed, match="the train block is empty"):
        make_split(_intervals([walk(300, seed=1)]), config, seed=0)


@pytest.mark.parametrize(
    ("name", "share"),
    [("test_split", 0), ("test_split", 0.95), ("validation_split", -1), ("embargo_bars", -1)],
)
def test_a_share_out_of_range_is_refused(name: str, share: float) -> None:
    with pytest.raises(ValidationError, match=name):
        SplitConfig(**{name: share})


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValidationError, match="test_split"):
        SplitConfig(test_split=0.6, validation_split=0.4)


def test_rows_of_several_series_are_numbered() -> None:
    parts = [ENCODER.propose(walk(n, seed=n)) for n in (50, 0, 40)]
    rows = Rows.concatenate(parts)
    assert rows.series.tolist() == [0] * 50 + [2] * 40
    assert rows.segment.tolist() == rows.series.tolist()
    chosen = rows.take(rows.series == 2)
    np.testing.assert_array_equal(chosen.X, parts[2].X)
    assert parts[2].series.tolist() == [0] * 40


@pytest.mark.parametrize(
    "stretches",
    [
        [],
        [(0, 50)],
        [(0, 7)],
        [(9, 30)],
        [(44, 50)],
        [(3, 9), (20, 31)],
        [(i, i + 1) for i in range(0, 50, 3)],
    ],
)
def test_rows_are_taken_by_mask_or_position_alike(stretches: list[tuple[int, int]]) -> None:
    rows = ENCODER.propose(walk(50, seed=1))
    mask = np.zeros(50, bool)
    for part in stretches:
        mask[slice(*part)] = True
    by_mask, by_position = rows.take(mask), rows.take(np.flatnonzero(mask))
    assert len(by_mask) == mask.sum()
    for name in ("X", "start", "end", "reads_from", "known_at"):
        np.testing.assert_array_equal(getattr(by_mask, name), getattr(by_position, name))


def test_one_stretch_of_rows_is_not_copied() -> None:
    rows = ENCODER.propose(walk(50, seed=1))
    mask = np.arange(50) >= 20
    assert np.shares_memory(rows.take(mask).X, rows.X)
    mask[5] = True
    assert not np.shares_memory(rows.take(mask).X, rows.X)


def test_targets_are_taken_and_put_together_cell_by_cell() -> None:
    Y = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
    mask = np.array([[1, 1], [0, 1], [1, 1]], bool)
    targets = Targets(("a", "b"), Y, mask, np.ones_like(Y))
    twice = Targets.concatenate([targets, targets.take(np.array([2, 0]))])
    assert twice.columns == ("a", "b")
    assert twice.Y.tolist() == [[1, 0], [1, 1], [0, 1], [0, 1], [1, 0]]
    assert twice.mask.tolist()[3:] == [[True, True], [True, True]]


@EACH
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_with_validation_learned_nothing_of_the_test_is_read(series: list[Candles], seed: int | None) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    method = "temporal" if seed is None else "random"
    config = SplitConfig(split_method=method, validation_split=0.2, embargo_bars=3)
    split = make_split(intervals, config, seed=seed or 0)
    whole = split.with_validation_learned()
    learned, tested = whole.holds("train", intervals), whole.holds("test", intervals)
    assert not whole.holds("validation", intervals).any()
    np.testing.assert_array_equal(tested, split.holds("test", intervals))
    assert (learned >= (split.holds("train", intervals) | split.holds("validation", intervals))).all()
    assert not _read(moments, learned) & _read(moments, tested)
    assert whole.ranges("train") == split.ranges("train", "validation")
    assert set(whole.moments) <= set(split.moments)
    assert all(a != b for a, b in zip(whole.blocks, whole.blocks[1:], strict=False))


@EACH
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_with_validation_learned_rows_wait_for_the_embargo_after_the_moments_that_are_left(
    series: list[Candles], seed: int | None
) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    method = "temporal" if seed is None else "random"
    config = SplitConfig(split_method=method, validation_split=0.2, embargo_bars=3)
    whole = make_split(intervals, config, seed=seed or 0).with_validation_learned()
    learned = whole.holds("train", intervals)
    for i, read in enumerate(moments):
        before = [moment for moment in whole.moments if moment <= min(read)]
        free = not before or min(read) - before[-1] >= 3 * intervals.bar_s[i]
        crosses = any(min(read) < moment <= max(read) for moment in whole.moments)
        assert learned[i] == (free and not crosses and whole.blocks[len(before)] == "train")


@EACH
def test_folds_are_even_in_the_rows_asked_for_and_still_share_no_moment(series: list[Candles]) -> None:
    intervals, moments = _intervals(series), _moments_read(series)
    some = (np.arange(len(intervals)) >= 300) & (np.arange(len(intervals)) < 360)
    folds = purged_folds(intervals, folds=3, evenly=some)
    assert np.sum([held_out for _, held_out in folds], axis=0).tolist() == [1] * len(intervals)
    assert [int((held_out & some).sum()) for _, held_out in folds] == [20, 20, 20]
    for train, held_out in folds:
        assert not _read(moments, train) & _read(moments, held_out)


def test_folds_without_any_row_are_left_out() -> None:
    intervals = _intervals(SERIES[0])
    one = np.arange(len(intervals)) == 350
    folds = purged_folds(intervals, folds=4, evenly=one)
    assert [int(held_out.sum()) for _, held_out in folds] == [350, 350]
