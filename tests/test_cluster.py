"""Pieces of work in this process and on Dask's workers: the same results, in the same order."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from mllib.cluster import IN_PROCESS, Cluster, Engine, open_engine
from mllib.errors import InvalidConfig, NotFound, NotReady


def square_and_process(offset: int, item: int) -> tuple[int, int]:
    return item * item + offset, os.getpid()


def refuse_the_third(_: None, item: int) -> int:
    if item == 3:
        raise NotFound(f"item {item}: found nothing, expected something. Choose another.")
    return item


def fail_once(folder: Path, item: int) -> int:
    """Ends with what nobody expects the first time that an item is tried."""
    try:
        (folder / str(item)).touch(exist_ok=False)
    except FileExistsError:
        return item
    raise OSError("out of reach")


def mark(folder: Path, item: int) -> int:
    (folder / str(item)).touch()
    return item


def die_or_hold(folder: Path, item: int) -> tuple[int, int]:
    """The first item tells its process and stays until that is killed; done again it ends at once."""
    told = folder / "process"
    if item == 0 and not told.exists():
        partial = folder / "partial"
        partial.write_text(str(os.getpid()))
        partial.rename(told)
        threading.Event().wait()
    return item, os.getpid()


@pytest.fixture(params=["in this process", "on a cluster"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return IN_PROCESS if request.param == "in this process" else request.getfixturevalue("cluster")


def values(found: Sequence[tuple[int, int]]) -> list[int]:
    return [value for value, _ in found]


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    found = [*engine.map(square_and_process, range(30), shared=100)]
    assert values(found) == [i * i + 100 for i in range(30)]


def test_pieces_are_done_by_every_worker_and_not_here(cluster: Cluster) -> None:
    processes = {process for _, process in cluster.map(square_and_process, range(40), shared=0)}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_nothing_to_do_gives_nothing(engine: Engine) -> None:
    assert [*engine.map(square_and_process, [], shared=0)] == []


def test_what_a_piece_refuses_is_raised_when_its_turn_comes(engine: Engine) -> None:
    found = engine.map(refuse_the_third, range(6), shared=None)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(NotFound, match="item 3: found nothing"):
        next(found)


def test_a_piece_that_fails_by_chance_is_tried_again(cluster: Cluster, tmp_path: Path) -> None:
    assert [*cluster.map(fail_once, range(4), shared=tmp_path)] == [0, 1, 2, 3]


def test_only_a_few_pieces_a_worker_are_handed_out_ahead(cluster: Cluster, tmp_path: Path) -> None:
    found = cluster.map(mark, range(100), shared=tmp_path)
    assert next(found) == 0
    cluster.client.run(os.getpid)  # every worker has had its turn
    assert len([*tmp_path.iterdir()]) <= 2 * cluster.slots + 1
    found.close()


def test_progress_rises_to_the_end(engine: Engine) -> None:
    told: list[float] = []
    assert (
        len([*engine.map(square_and_process, range(7), shared=0, progress=lambda d, _: told.append(d))]) == 7
    )
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0 if engine is not IN_PROCESS else 6 / 7)


def test_a_killed_worker_costs_no_result(cluster: Cluster, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_whoever_tells() -> None:
        while not (tmp_path / "process").exists():
            threading.Event().wait(0.02)
        killed.append(int((tmp_path / "process").read_text()))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_whoever_tells)
    killer.start()
    found = [*cluster.map(die_or_hold, range(20), shared=tmp_path)]
    killer.join()
    assert values(found) == [*range(20)]
    assert killed[0] not in {process for _, process in found[:1]}
    cluster.client.wait_for_workers(2, timeout=240)  # as the tests that follow expect


def test_without_an_address_everything_is_done_here() -> None:
    for address in (None, "", " "):
        with open_engine(address) as engine:
            assert engine is IN_PROCESS


@pytest.mark.parametrize("address", ["10.0.0.5:8786", "local:0", "local:two", "locals", "http://x"])
def test_an_address_of_no_cluster_is_refused(address: str) -> None:
    with pytest.raises(InvalidConfig, match="expected local, local:2 or a scheduler"), open_engine(address):
        pass


def test_more_processes_than_a_machine_can_bear_are_refused() -> None:
    with (
        pytest.raises(InvalidConfig, match=r"found 100000 processes for .*Take fewer"),
        open_engine("local:100000"),
    ):
        pass


def test_another_server_than_a_scheduler_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mllib.cluster._CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NotReady, match="expected a Dask scheduler there"), open_engine(address):
            pass


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mllib.cluster._CONNECT_S", 0.2)
    with (
        pytest.raises(NotReady, match="expected a Dask scheduler there"),
        open_engine("tcp://127.0.0.1:9"),
    ):
        pass


def test_an_address_may_name_a_cluster_that_runs_already(cluster: Cluster) -> None:
    with open_engine(cluster.address) as engine:
        assert isinstance(engine, Cluster)
        assert engine.said.startswith(f"Dask: 2 workers at {cluster.address}")
        assert values([*engine.map(square_and_process, range(3), shared=0)]) == [0, 1, 4]


def test_dask_is_not_imported_unless_it_is_asked_for() -> None:
    code = (
        "import sys, mllib.cli, mllib.cluster, mllib.models.xgboost_trees, mllib.pipeline.series_sweeps\n"
        "with mllib.cluster.open_engine(None): pass\n"
        "sys.exit(any(name in sys.modules for name in ('dask', 'distributed')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_missing_dask_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotReady, match=r"Run `make extras`"), open_engine("local"):
        pass
