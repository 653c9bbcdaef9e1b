"""`candleloop db …` on the home folder's database and on a server's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.store import migrating, open_store
from tests.postgres import PASSWORD, Server


@pytest.fixture
def server_url(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with postgres.database() as url:
        monkeypatch.setenv("CANDLELOOP_DATABASE_URL", url)
        yield url


def test_the_database_is_brought_to_this_version(candleloop, tmp_path: Path) -> None:
    first = candleloop("db", "migrate", "--json")
    assert json.loads(first.stdout) == {"from": None, "to": migrating.HEAD}
    again = candleloop("db", "migrate")
    assert again.stderr == f"The tables were at revision {migrating.HEAD} and are at {migrating.HEAD}.\n"


def test_a_backup_is_restored_after_the_database_was_lost(candleloop, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "backup.zip"
    candleloop("db", "migrate")
    with open_store(home) as store:
        store.series.ensure("EURUSD", "1h")
    made = candleloop("db", "backup", str(file))
    assert (made.returncode, f"1 rows are in {file}." in made.stderr) == (0, True)
    refused = candleloop("db", "restore", str(file))
    assert refused.returncode == 1
    assert "cannot be filled: found 1 rows" in refused.stderr
    for part in home.glob("candleloop.db*"):
        part.unlink()
    restored = json.loads(candleloop("db", "restore", str(file), "--json").stdout)
    assert restored["revision"] == migrating.HEAD
    assert {name: n for name, n in restored["counts"].items() if n} == {"series": 1}
    with open_store(home) as store:
        assert [one.pair for one in store.series.list()] == ["EURUSD"]


@pytest.mark.needs("postgres")
def test_a_home_moves_to_the_server_of_the_environment_and_back(
    candleloop, tmp_path: Path, server_url: str
) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    with open_store(home) as store:
        store.labels.ensure(["flag", "wedge"])
    moved = candleloop("db", "move")
    assert moved.returncode == 0, moved.stderr
    line = next(line for line in moved.stdout.splitlines() if "label_definition" in line)
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["label_definition", "2", "2"]
    assert PASSWORD not in moved.stdout + moved.stderr
    back = json.loads(candleloop("db", "move", "--from", server_url, "--to", str(other), "--json").stdout)
    assert back["counts"]["label_definition"] == [2, 2]
    with open_store(other) as store:
        assert [one.name for one in store.labels.list()] == ["flag", "wedge"]
    backup = candleloop("db", "backup", str(tmp_path / "server.zip"), "--json")
    assert json.loads(backup.stdout)["counts"]["label_definition"] == 2
