import numpy as np
import pytest
from pydantic import ValidationError

from mllib.candles import Candles
from mllib.encoders import EncodingConfig
from mllib.encoders.bio import BioEncoder
from mllib.errors import TrainingFailed
from mllib.features import ContextConfig
from mllib.rows import Rows, Targets
from mllib.splits import Split, SplitConfig, temporal_split
from tests.naive import walk

CONTEXT = ContextConfig(past_bars=20, future_bars=10)


def _split(series: list[Candles], **shares: float) -> tuple[Rows, np.ndarray, Split]:
    encoder = BioEncoder.learn(CONTEXT, {}, EncodingConfig())
    rows = Rows.concatenate([encoder.propose(candles) for candles in series])
    opens_at = np.concatenate([candles.time for candles in series])
    return rows, opens_at, temporal_split(rows, opens_at, SplitConfig(**shares))


def _reads(rows: Rows, series: list[Candles], block: np.ndarray) -> set[int]:
    """Every open time of a bar that a row of the block reads, bar by bar."""
    read = set()
    for row in np.flatnonzero(block):
        candles, bar = series[rows.series[row]], int(rows.start[row])
        read |= set(candles.time[max(bar - 20, 0) : bar + 10 + 1].tolist())
    return read


SERIES = [
    [walk(700, seed=1)],
    [walk(700, seed=1), walk(400, seed=2)],
    [walk(900, seed=1), walk(120, seed=2, timeframe="1d")],
    [walk(900, seed=1)[200:], walk(500, seed=3, timeframe="4h", weekends=False)],
]


@pytest.mark.parametrize("series", SERIES, ids=["one", "two symbols", "1h and 1d", "other starts"])
def test_no_row_of_one_block_reads_a_bar_that_another_block_reads(series: list[Candles]) -> None:
    rows, opens_at, split = _split(series)
    read = [_reads(rows, series, block) for block in (split.train, split.validation, split.test)]
    assert max(read[0]) < split.validation_from <= min(read[1])
    assert max(read[1]) < split.test_from <= min(read[2])
    judged = [set(opens_at[block].tolist()) for block in (split.train, split.validation, split.test)]
    for i in range(3):
        for j in range(3):
            assert i == j or not read[i] & judged[j]


def test_blocks_are_disjoint_and_count_what_they_leave_out() -> None:
    rows, _, split = _split(SERIES[1])
    counts = [int(block.sum()) for block in (split.train, split.validation, split.test)]
    assert not (split.train & split.validation).any()
    assert not (split.validation & split.test).any()
    assert sum(counts) + split.purged == len(rows)
    assert split.purged < 4 * 31 * 2


def test_the_shares_are_those_asked_for() -> None:
    _, opens_at, split = _split([walk(2_000, seed=1)], test_split=0.3, validation_split=0.2)
    assert (opens_at >= split.test_from).mean() == pytest.approx(0.3, abs=0.01)
    assert (opens_at >= split.validation_from).mean() == pytest.approx(0.5, abs=0.01)


def test_too_few_candles_for_three_blocks_are_said_so() -> None:
    with pytest.raises(
        TrainingFailed, match=r"the validation block is empty after purging .* Import more candles"
    ):
        _split([walk(100, seed=1)])


@pytest.mark.parametrize(
    ("name", "share"), [("test_split", 0), ("test_split", 0.95), ("validation_split", -1)]
)
def test_a_share_out_of_range_is_refused(name: str, share: float) -> None:
    with pytest.raises(ValidationError, match=name):
        SplitConfig(**{name: share})


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValidationError, match="test_split"):
        SplitConfig(test_split=0.6, validation_split=0.4)


def test_rows_of_several_series_are_numbered() -> None:
    encoder = BioEncoder.learn(CONTEXT, {}, EncodingConfig())
    parts = [encoder.propose(walk(n, seed=n)) for n in (50, 0, 40)]
    rows = Rows.concatenate(parts)
    assert rows.series.tolist() == [0] * 50 + [2] * 40
    assert rows.segment.tolist() == rows.series.tolist()
    chosen = rows.take(rows.series == 2)
    np.testing.assert_array_equal(chosen.X, parts[2].X)
    assert parts[2].series.tolist() == [0] * 40


def test_taking_rows_gives_a_copy() -> None:
    encoder = BioEncoder.learn(CONTEXT, {}, EncodingConfig())
    rows = encoder.propose(walk(50, seed=1))
    before = rows.X.copy()
    rows.take(np.ones(50, bool)).X[:] = 7
    np.testing.assert_array_equal(rows.X, before)


def test_targets_are_taken_and_put_together_cell_by_cell() -> None:
    Y = np.array([[1, 0], [1, 1], [0, 1]], np.float32)
    mask = np.array([[1, 1], [0, 1], [1, 1]], bool)
    targets = Targets(("a", "b"), Y, mask, np.ones_like(Y))
    twice = Targets.concatenate([targets, targets.take(np.array([2, 0]))])
    assert twice.columns == ("a", "b")
    assert twice.Y.tolist() == [[1, 0], [1, 1], [0, 1], [0, 1], [1, 0]]
    assert twice.mask.tolist()[3:] == [[True, True], [True, True]]
