"""Names that one holder has at a time, among threads and processes."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from mllib.errors import NotReady
from mllib.store import Store, open_store
from tests.postgres import PASSWORD, Server

COUNT = """
import sys, time
from pathlib import Path
from mllib.store import open_store
url, counter = sys.argv[1], Path(sys.argv[2])
with open_store(url, migrate=False) as store:
    for _ in range(30):
        with store.locks.hold("counter"):
            seen = int(counter.read_text())
            time.sleep(0.001)  # long enough for another to read the same number, if it could
            counter.write_text(str(seen + 1))
"""
HOLD = """
import sys
from mllib.store import open_store
with open_store(sys.argv[1], migrate=False) as store, store.locks.hold("candles"):
    print("held", flush=True)
    sys.stdin.read()
"""


def _python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_count_under_one_name_lose_no_number(store: Store, url: str, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    racers = [_python(COUNT, url, str(counter)) for _ in range(2)]
    for racer in racers:
        racer.communicate(timeout=60)
    assert [racer.returncode for racer in racers] == [0, 0]
    assert counter.read_text() == "60"


def test_a_name_that_is_held_is_refused_in_time_and_others_are_free(store: Store, url: str) -> None:
    with open_store(url) as other, store.locks.hold("candles BTC/USDT 1h"):
        with (
            pytest.raises(NotReady, match=r"candles BTC/USDT 1h cannot be had alone: .*for 0\.1 s"),
            other.locks.hold("candles BTC/USDT 1h", timeout_s=0.1),
        ):
            pass
        with other.locks.hold("candles ETH/USDT 1h", timeout_s=0.1):
            pass
    with open_store(url) as other, other.locks.hold("candles BTC/USDT 1h", timeout_s=0.1):
        pass


def test_a_failure_inside_lets_go_and_passes(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.locks.hold("candles"):
        _ = 1 / 0
    with store.locks.hold("candles", timeout_s=0.1):
        pass


def test_a_holder_that_was_killed_lets_go(store: Store, url: str) -> None:
    holder = _python(HOLD, url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(NotReady), store.locks.hold("candles", timeout_s=0.1):
        pass
    holder.kill()
    holder.communicate(timeout=10)
    with store.locks.hold("candles", timeout_s=10):
        pass


@pytest.mark.needs("postgres")
def test_a_connection_that_broke_while_it_held_is_told(postgres: Server) -> None:
    """Another one may have held the name too, so what was done under it is in doubt."""
    with postgres.database() as url, open_store(url) as store:
        with pytest.raises(NotReady, match="found “terminating connection") as failure:
            _hold_and_break(store, url)
        assert PASSWORD not in str(failure.value)
        with store.locks.hold("candles", timeout_s=0.1):
            pass


def _hold_and_break(store: Store, url: str) -> None:
    with store.locks.hold("candles"), psycopg.connect(url) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
