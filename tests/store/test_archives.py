"""Backups, and moves between engines: every row, all or nothing, though a process is killed."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mllib.errors import Conflict, InvalidAnnotations, NotFound, NotReady
from mllib.spans import Annotation
from mllib.store import Store, engines, migrating, open_store
from mllib.store.archives import back_up, restore
from mllib.store.copying import tables_of
from mllib.store.database import Database, database_url
from mllib.store.moving import move
from tests.postgres import PASSWORD, Server
from tests.sql import rows_of
from tests.store.conftest import ENGINES
from tests.store.filled import SAID, fill

Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(params=ENGINES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of another database of each engine: of SQLite none is there yet, of PostgreSQL an empty one."""
    if request.param == "sqlite":
        (tmp_path / "target").mkdir()
        yield f"sqlite:///{tmp_path}/target/candleloop.db"
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


def _contents(url: str) -> Rows:
    """Every row of every table, in whatever order, JSON read."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(
                map(tuple, connection.execute(sa.select(*map(table.c.get, sorted(table.c.keys()))))), key=repr
            )
            for table in tables_of(connection)
        }
    engine.dispose()
    return found


def _require_complete(contents: Rows) -> None:
    assert all(contents.values()), [name for name, rows in contents.items() if not rows]


def test_a_backup_is_restored_on_either_engine_with_every_row(
    store: Store, url: str, target: str, tmp_path: Path
) -> None:
    fill(store)
    before, file = _contents(url), tmp_path / "backup.zip"
    _require_complete(before)
    made = back_up(url, file)
    assert made.counts == {name: len(rows) for name, rows in before.items()}
    assert file.stat().st_mode & 0o077 == 0
    assert restore(file, target).counts == made.counts
    assert _contents(target) == before
    _require_usable(target, store)


def _require_usable(target: str, store: Store) -> None:
    """What was copied is told as before, and new rows get numbers that are free."""
    with open_store(target, migrate=False) as copied:
        assert copied.revision() == store.revision()
        assert copied.annotations.list("EURUSD", "1h") == store.annotations.list("EURUSD", "1h")
        assert copied.verdicts.list(with_settled=True) == store.verdicts.list(with_settled=True)
        assert copied.runs.list() == store.runs.list()
        copied.series.ensure("NEW", "1h")
        assert not copied.verdicts.record(SAID)[1]
        copied.annotations.add("NEW", "1h", [Annotation("flag", 1, 2, id="new")])
        copied.annotations.retract("new", pair="NEW")
        assert len(copied.series.list()) == len(store.series.list()) + 1


def test_a_move_copies_every_row_and_counts_both_sides(store: Store, url: str, target: str) -> None:
    fill(store)
    before = _contents(url)
    moved = move(url, target)
    assert moved.counts == {name: (len(rows), len(rows)) for name, rows in before.items()}
    assert PASSWORD not in f"{moved}"
    assert _contents(target) == _contents(url) == before
    _require_usable(target, store)


def test_a_database_with_rows_is_not_filled(store: Store, url: str, tmp_path: Path) -> None:
    fill(store, annotations=12)
    back_up(url, tmp_path / "backup.zip")
    before = _contents(url)
    with pytest.raises(
        Conflict, match=r"cannot be filled: found \d+ rows, 44 of them in annotation, expected none"
    ):
        restore(tmp_path / "backup.zip", url)
    with pytest.raises(Conflict, match="found it named as source and as target"):
        move(url, url)
    (tmp_path / "other").mkdir()
    with open_store(tmp_path / "other") as other:
        other.series.ensure("EURUSD", "1h")
    with pytest.raises(Conflict, match="found 1 rows, 1 of them in series"):
        move(url, tmp_path / "other")
    assert _contents(url) == before


def test_a_backup_of_an_older_version_is_restored_to_this_one(
    store: Store, url: str, target: str, tmp_path: Path
) -> None:
    fill(store)
    expected = store.annotations.list("EURUSD", "1h", as_written=True)
    older = Database(database_url(url))
    migrating.downgrade(older, "0003")
    assert back_up(url, tmp_path / "backup.zip").revision == "0003"
    migrating.upgrade(older)
    older.close()
    restore(tmp_path / "backup.zip", target)
    with open_store(target, migrate=False) as restored:
        assert {one.id for one in expected} <= {one.id for one in restored.annotations.list("EURUSD", "1h")}
    assert _contents(target) == _contents(url)


def _rewritten(file: Path, change: Callable[[str, bytes], bytes]) -> Path:
    other = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(other, "w") as changed:
        for name in archive.namelist():
            changed.writestr(name, change(name, archive.read(name)))
    return other


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # a file is a file
def test_a_damaged_backup_is_refused_and_nothing_is_written(
    store: Store, url: str, tmp_path: Path, target: str
) -> None:
    fill(store)
    file = tmp_path / "backup.zip"
    back_up(url, file)
    content = file.read_bytes()
    cut, flipped = tmp_path / "cut.zip", tmp_path / "flipped.zip"
    cut.write_bytes(content[: len(content) // 2])
    middle = len(content) // 4
    flipped.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
    forged = _rewritten(file, lambda _, rows: rows.replace(b"pennant", b"PENNANT"))
    for damaged in (cut, flipped, forged):
        with pytest.raises(NotReady, match=r"found that it is damaged or no backup .*Nothing was written"):
            restore(damaged, target)
    assert not any(_contents(target).values())
    with pytest.raises(NotFound, match="found no such file, expected a backup"):
        restore(tmp_path / "nowhere.zip", target)
    restore(file, target)
    assert _contents(target) == _contents(url)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # a file is a file
def test_a_backup_of_a_later_format_or_version_is_refused(store: Store, url: str, tmp_path: Path) -> None:
    fill(store, annotations=12)
    back_up(url, tmp_path / "backup.zip")

    def changed(**values: object) -> Path:
        def change(name: str, content: bytes) -> bytes:
            is_manifest = name == "manifest.json"
            return json.dumps(json.loads(content) | values).encode() if is_manifest else content

        return _rewritten(tmp_path / "backup.zip", change)

    (tmp_path / "other").mkdir()
    with pytest.raises(NotReady, match=r"found a backup of format 2, expected 1\. Install the version"):
        restore(changed(format=2), tmp_path / "other")
    with pytest.raises(NotReady, match=r"cannot be migrated: found .*9999.* Install the version"):
        restore(changed(revision="9999"), tmp_path / "other")


def test_a_home_whose_database_was_lost_gets_it_back(tmp_path: Path) -> None:
    """It has models, so that a start would refuse to begin anew."""
    with open_store(tmp_path) as store:
        fill(store)
    before = _contents(str(database_url(tmp_path)))
    back_up(tmp_path, tmp_path / "backup.zip")
    for file in tmp_path.glob("candleloop.db*"):
        file.unlink()
    (tmp_path / "predictors" / "a1b2").mkdir(parents=True)
    restore(tmp_path / "backup.zip", tmp_path)
    assert _contents(str(database_url(tmp_path))) == before


def test_a_backup_sees_one_moment_and_holds_nobody_up(store: Store, url: str, tmp_path: Path) -> None:
    fill(store)
    before = {name: len(rows) for name, rows in _contents(url).items()}

    def write_meanwhile(done: float, table: str) -> None:
        store.series.ensure(f"{table} {done}", "1h")

    assert back_up(url, tmp_path / "backup.zip", progress=write_meanwhile).counts == before
    assert len(store.series.list()) > before["series"]


def test_nobody_writes_to_what_is_being_moved(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.1)
    fill(store, annotations=12)
    (tmp_path / "target").mkdir()
    refused: list[str] = []

    def write_meanwhile(done: float, _: str) -> None:
        if not refused:
            with (
                open_store(url) as other,
                pytest.raises(NotReady, match="locked by another process") as failure,
            ):
                other.series.ensure("NEW", "1h")
            refused.append(str(failure.value))

    move(url, tmp_path / "target", progress=write_meanwhile)
    assert len(refused) == 1


STOP_HALFWAY = """
import sys
from pathlib import Path
from mllib.store.archives import back_up, restore
from mllib.store.moving import move

def stop(done, table):
    if done >= 0.5:
        print("half", flush=True)
        sys.stdin.read()

what, url, other = sys.argv[1:]
if what == "backup":
    back_up(url, Path(other), progress=stop)
elif what == "restore":
    restore(Path(other), url, progress=stop)
else:
    move(other, url, progress=stop)
"""


def _kill_halfway(what: str, url: str, other: str | Path) -> None:
    command = [sys.executable, "-c", STOP_HALFWAY, what, url, str(other)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.kill()
    process.communicate(timeout=30)


def test_a_backup_that_was_killed_leaves_the_one_before(store: Store, url: str, tmp_path: Path) -> None:
    fill(store)
    file = tmp_path / "backup.zip"
    back_up(url, file)
    content = file.read_bytes()
    _kill_halfway("backup", url, file)
    assert file.read_bytes() == content


def test_a_restore_or_move_that_was_killed_leaves_the_target_empty(
    sqlite_home: Path, target: str, tmp_path: Path
) -> None:
    back_up(sqlite_home, tmp_path / "backup.zip")
    is_server = target.startswith("postgresql")  # both fill alike, so one of each engine is tried
    _kill_halfway(
        *(("move", target, sqlite_home) if is_server else ("restore", target, tmp_path / "backup.zip"))
    )
    assert not any(_contents(target).values())
    restore(tmp_path / "backup.zip", target)
    assert _contents(target) == _contents(str(database_url(sqlite_home)))


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    with open_store(home) as store:
        fill(store)
    return home


@pytest.mark.needs("postgres")
def test_a_row_that_the_target_cannot_keep_is_named_and_nothing_is_moved(
    sqlite_home: Path, postgres: Server
) -> None:
    with open_store(sqlite_home) as store:
        store.annotations.add("EURUSD", "1h", [Annotation("flag", 1, 2, notes="a\0b", id="nul")])
    with postgres.database() as target:
        with pytest.raises(
            InvalidAnnotations, match=r"Table annotation: found a row .*NUL .*Nothing was written"
        ):
            move(sqlite_home, target)
        assert not any(_contents(target).values())


def test_what_is_no_database_of_candleloop_is_not_copied(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(NotReady, match="cannot be used: found no file there"):
        move(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a" / "candleloop.db").touch()
    with pytest.raises(NotReady, match="found no tables of candleloop, expected some to copy"):
        back_up(tmp_path / "a", tmp_path / "backup.zip")
    with open_store(tmp_path / "b") as store:
        fill(store)
    with pytest.raises(
        NotReady, match=r"nowhere/backup\.zip: found No such file or directory, expected a place"
    ):
        back_up(tmp_path / "b", tmp_path / "nowhere" / "backup.zip")
    assert rows_of(f"sqlite:///{tmp_path}/b/candleloop.db", "SELECT count(*) FROM series") == [(1,)]
