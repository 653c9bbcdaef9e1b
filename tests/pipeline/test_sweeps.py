"""Whole series as a model reads them: computed once, kept in a file, shared by threads and processes."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.inference import Predictor
from mllib.models import Scorer
from mllib.pipeline import sweep_files, sweeps
from mllib.pipeline.labels import present_names
from mllib.pipeline.predicting import StoredCandles, predict_stored
from mllib.pipeline.promoting import load_run
from mllib.pipeline.sweep_files import alone
from mllib.pipeline.sweeps import sweep_series, sweep_steps, swept, swept_by
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.naive import sample
from tests.pipeline.conftest import TrainedHome, copy_of, small_config, store_candles

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


class Counting:
    """A model that counts how often it is asked."""

    def __init__(self, model: Scorer) -> None:
        self.model, self.asked = model, 0
        self.name = model.name

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        self.asked += 1
        return self.model.predict_proba(X)

    def save(self, folder: Path) -> None:
        raise AssertionError("nobody saves it")


@pytest.fixture
def home(trained: TrainedHome, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the trained home, without sweeps."""
    with open_workspace(copy_of(trained, tmp_path / "home"), config=small_config()) as opened:
        yield opened


@pytest.fixture
def stored(home: Workspace) -> StoredCandles:
    return StoredCandles(home)


@pytest.fixture
def predictor(home: Workspace, trained: TrainedHome) -> Predictor:
    return load_run(home, home.store.runs.get(trained.champion.run_id))


@pytest.fixture
def counting(predictor: Predictor) -> Counting:
    return Counting(predictor.model)


def forget() -> None:
    """As a process does that starts anew."""
    sweeps._memory.clear()


def test_a_sweep_says_what_a_prediction_of_the_whole_series_says(
    home: Workspace, stored: StoredCandles, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "STEP_BARS", 400)
    expected = predict_stored(predictor, stored, **EURUSD)
    told: list[float] = []
    found = sweep_series(home, stored, predictor, **EURUSD, progress=lambda done, _: told.append(done))
    assert found.spans == expected.spans
    assert found.labels == expected.names[1:]
    assert (found.run_id, found.model_version) == (predictor.info.run_id, "1")
    np.testing.assert_allclose(found.coverage, expected.coverage, atol=1e-6)
    assert found.candles.time.tolist() == expected.candles.time.tolist()
    assert told == [pytest.approx(done) for done in (400 / 1_500, 800 / 1_500, 1_200 / 1_500, 1.0, 1.0)][:-1]


def test_it_is_computed_once_and_then_read(
    home: Workspace, stored: StoredCandles, predictor: Predictor, counting: Counting
) -> None:
    asked = replace(predictor, model=counting)
    assert swept(home, stored, asked, **EURUSD) is None
    first = sweep_series(home, stored, asked, **EURUSD)
    computed = counting.asked
    assert sweep_series(home, stored, asked, **EURUSD) is first
    forget()
    again = swept(home, stored, asked, **EURUSD)
    assert again is not None
    assert again.spans == first.spans
    np.testing.assert_array_equal(again.coverage, first.coverage)
    assert counting.asked == computed > 0


def test_a_file_that_was_deleted_is_written_anew_by_who_has_it_in_memory(
    home: Workspace, stored: StoredCandles, predictor: Predictor, counting: Counting, trained: TrainedHome
) -> None:
    asked = replace(predictor, model=counting)
    first = sweep_series(home, stored, asked, **EURUSD)
    computed = counting.asked
    shutil.rmtree(home.sweeps)
    assert sweep_series(home, stored, asked, **EURUSD) is first
    forget()
    found = swept_by(home, stored, trained.champion, **EURUSD)
    assert found is not None
    assert (found.spans, counting.asked) == (first.spans, computed)


def test_a_run_s_sweep_is_found_without_its_model(
    home: Workspace, stored: StoredCandles, predictor: Predictor, trained: TrainedHome
) -> None:
    assert swept_by(home, stored, trained.champion, **EURUSD) is None
    expected = sweep_series(home, stored, predictor, **EURUSD)
    found = swept_by(home, stored, trained.champion, **EURUSD)
    assert found is not None
    assert (found.spans, found.model_version) == (expected.spans, "1")
    assert swept_by(home, stored, trained.other, **EURUSD) is None


def test_appended_candles_make_a_new_sweep(
    home: Workspace, stored: StoredCandles, predictor: Predictor
) -> None:
    sweep_series(home, stored, predictor, **EURUSD)
    store_candles(home, sample("EURUSD_1h")[1_500:1_550])
    assert swept(home, stored, predictor, **EURUSD) is None
    assert len(sweep_series(home, stored, predictor, **EURUSD).coverage) == 1_550
    forget()
    assert len(list(home.sweeps.glob("*/*.npz"))) == 1


def test_another_model_of_the_same_run_id_is_not_taken_for_it(
    home: Workspace, stored: StoredCandles, predictor: Predictor
) -> None:
    sweep_series(home, stored, predictor, **EURUSD)
    other = replace(predictor, info=replace(predictor.info, trained_at=predictor.info.trained_at + 1))
    assert swept(home, stored, other, **EURUSD) is None


@pytest.mark.parametrize("content", [b"", b"no archive", None], ids=["empty", "other", "cut short"])
def test_a_damaged_file_is_computed_anew(
    home: Workspace, stored: StoredCandles, predictor: Predictor, content: bytes | None
) -> None:
    first = sweep_series(home, stored, predictor, **EURUSD)
    (path,) = home.sweeps.glob("*/*.npz")
    path.write_bytes(path.read_bytes()[:-2_000] if content is None else content)
    forget()
    assert swept(home, stored, predictor, **EURUSD) is None
    assert sweep_series(home, stored, predictor, **EURUSD).spans == first.spans
    forget()
    assert swept(home, stored, predictor, **EURUSD) is not None


def test_a_flipped_bit_is_noticed(home: Workspace, stored: StoredCandles, predictor: Predictor) -> None:
    sweep_series(home, stored, predictor, **EURUSD)
    (path,) = home.sweeps.glob("*/*.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    forget()
    assert swept(home, stored, predictor, **EURUSD) is None


def test_spans_carry_the_names_that_labels_have_now(
    home: Workspace, stored: StoredCandles, predictor: Predictor, trained: TrainedHome
) -> None:
    before = sweep_series(home, stored, predictor, **EURUSD)
    home.store.labels.ensure(["bull_flag"])
    home.store.labels.rename("bull_flag", "rising_flag")
    home.store.labels.retire("bullish_engulfing")
    renamed = predictor.under(present_names(home, predictor.encoder.labels))
    expected = predict_stored(renamed, stored, **EURUSD)
    for found in (
        swept(home, stored, renamed, **EURUSD),
        swept_by(home, stored, trained.champion, **EURUSD),
    ):
        assert found is not None
        assert found.labels == renamed.labels
        assert "rising_flag" in found.labels
        assert not {"bull_flag", "bullish_engulfing"} & {span.label for span in found.spans}
        assert found.spans == expected.spans
        np.testing.assert_allclose(found.coverage, expected.coverage, atol=1e-6)
    unchanged = swept(home, stored, predictor, **EURUSD)
    assert unchanged is not None
    assert unchanged.spans == before.spans


def test_threads_compute_it_once_between_them(
    home: Workspace, stored: StoredCandles, predictor: Predictor, counting: Counting
) -> None:
    alone_asked = Counting(predictor.model)
    list(sweep_steps(home, stored, replace(predictor, model=alone_asked), **EURUSD))
    shutil.rmtree(home.sweeps)
    forget()
    asked = replace(predictor, model=counting)
    ready = threading.Barrier(4)

    def sweep() -> int:
        ready.wait(10)
        return len(sweep_series(home, stored, asked, **EURUSD).spans)

    with ThreadPoolExecutor(4) as pool:
        found = {one.result() for one in [pool.submit(sweep) for _ in range(4)]}
    assert len(found) == 1
    assert counting.asked == alone_asked.asked


OTHER_PROCESS = """
import sys
from pathlib import Path
from mllib.config import Config
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.sweeps import sweep_series
from mllib.pipeline.workspace import open_workspace

with open_workspace(Path(sys.argv[1]), config=Config()) as ws:
    predictor = load_run(ws, ws.store.runs.get(sys.argv[2]))
    tell = lambda done, stage: print(stage, flush=True)
    found = sweep_series(ws, StoredCandles(ws), predictor, pair="EURUSD", timeframe="1h", progress=tell)
    print(len(found.spans), flush=True)
"""


def test_processes_wait_for_the_one_that_computes_it(
    home: Workspace, stored: StoredCandles, predictor: Predictor
) -> None:
    steps = sweep_steps(home, stored, predictor, **EURUSD)
    next(steps)
    command = [sys.executable, "-c", OTHER_PROCESS, str(home.home), predictor.info.run_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "another process reads EURUSD 1h\n"
        *_, last = steps
        said = other.stdout.read().splitlines()
    assert last.swept is not None
    assert set(said[:-1]) <= {"another process reads EURUSD 1h"}
    assert said[-1] == str(len(last.swept.spans))


def test_who_gives_up_leaves_it_to_the_next(
    home: Workspace, stored: StoredCandles, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "STEP_BARS", 400)
    steps = sweep_steps(home, stored, predictor, **EURUSD)
    next(steps)
    waiting = next(sweep_steps(home, stored, predictor, **EURUSD))
    assert waiting == (0.0, None, True)
    steps.close()
    assert not list(home.sweeps.glob("*/*.npz"))
    assert sweep_series(home, stored, predictor, **EURUSD).spans


def test_the_files_not_used_for_longest_make_room(
    home: Workspace, stored: StoredCandles, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_files, "MOST_FILES", 2)

    def of(run_id: str) -> Predictor:
        return replace(predictor, info=replace(predictor.info, run_id=run_id))

    for run_id in ("a", "b"):
        sweep_series(home, stored, of(run_id), **EURUSD)
    forget()
    assert swept(home, stored, of("a"), **EURUSD) is not None
    sweep_series(home, stored, of("c"), **EURUSD)
    assert sorted(path.name for path in home.sweeps.iterdir()) == ["a", "c"]


def test_without_a_folder_to_write_to_it_is_computed_all_the_same(
    home: Workspace, stored: StoredCandles, predictor: Predictor, caplog: pytest.LogCaptureFixture
) -> None:
    home.sweeps.write_text("in the way")
    with alone(home.sweeps / "run" / "series.npz") as first:
        assert first
    assert sweep_series(home, stored, predictor, **EURUSD).spans
    assert "sweep not kept" in caplog.text
