"""A database file that is moved, deleted, replaced or made read-only under open connections."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from mllib.errors import NotReady
from mllib.store import Store, open_store
from mllib.store.database import Database, database_url


@pytest.fixture
def url(tmp_path: Path) -> str:
    """SQLite alone: this is about its files."""
    return f"sqlite:///{tmp_path}/candleloop.db"


def _move(home: Path, away: Path) -> None:
    away.mkdir(exist_ok=True)
    for file in home.glob("candleloop.db*"):
        file.rename(away / file.name)


def _pairs(store: Store) -> list[str]:
    return [series.pair for series in store.series.list()]


def test_nothing_is_stored_while_the_file_is_away_and_no_other_is_made(store: Store, tmp_path: Path) -> None:
    store.series.ensure("EURUSD", "1h")
    _move(tmp_path, tmp_path / "away")
    for use in (lambda: store.series.ensure("GBPUSD", "1h"), store.series.list):
        with pytest.raises(NotReady, match=r"candleloop\.db cannot be used: found no file .* Put it back"):
            use()
    assert not (tmp_path / "candleloop.db").exists()
    _move(tmp_path / "away", tmp_path)
    store.series.ensure("GBPUSD", "1h")
    assert _pairs(store) == ["EURUSD", "GBPUSD"]


def test_a_file_that_goes_away_before_the_commit_does_not_count_as_written(
    store: Store, tmp_path: Path
) -> None:
    database = Database(database_url(tmp_path))

    def write() -> None:
        with database.write() as session:
            session.execute(sa.text("INSERT INTO series (pair, timeframe) VALUES ('EURUSD', '1h')"))
            _move(tmp_path, tmp_path / "away")

    with pytest.raises(NotReady, match="found no file there"):
        write()
    database.close()


def test_another_file_in_its_place_is_taken_up(store: Store, tmp_path: Path) -> None:
    store.series.ensure("EURUSD", "1h")
    store.close()
    shutil.copy(tmp_path / "candleloop.db", tmp_path / "backup.db")
    store.series.ensure("GBPUSD", "1h")
    store.close()
    (tmp_path / "backup.db").rename(tmp_path / "candleloop.db")
    assert _pairs(store) == ["EURUSD"]
    store.series.ensure("USDJPY", "1h")
    with open_store(tmp_path) as other:
        assert _pairs(other) == ["EURUSD", "USDJPY"]


def test_a_home_with_models_does_not_begin_anew(tmp_path: Path) -> None:
    (tmp_path / "predictors" / "a1b2").mkdir(parents=True)
    with pytest.raises(NotReady, match=r"found no file there.*move .*predictors away first"):
        open_store(tmp_path)
    assert not (tmp_path / "candleloop.db").exists()
    (tmp_path / "candleloop.db").touch()
    with pytest.raises(NotReady, match=r"found a database without tables.*move .*predictors away first"):
        open_store(tmp_path)
    assert (tmp_path / "candleloop.db").stat().st_size == 0
    (tmp_path / "predictors" / "a1b2").rmdir()
    open_store(tmp_path).close()


def test_a_full_disk_is_said_and_writing_goes_on_when_there_is_room(store: Store, tmp_path: Path) -> None:
    """SQLite says of a page too many what it says when the disk has no room."""
    database = Database(database_url(tmp_path))

    def fill(pages: int) -> None:
        with database.write() as session:
            session.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
            session.execute(sa.text("CREATE TABLE IF NOT EXISTS ballast (content BLOB)"))
            session.execute(sa.text("INSERT INTO ballast VALUES (zeroblob(100000))"))

    with pytest.raises(NotReady, match=r"found the disk full .*Free some space"):
        fill(pages=1)
    fill(pages=100_000)
    with database.read() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM ballast")) == 1
    database.close()
