"""Fresh, old, newer and raced databases, and whether the migrations make the tables that we declare."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mllib.errors import NotReady
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback, Store, migrating, open_store, tables
from mllib.store.database import Database, database_url

OPEN = "import sys; from mllib.store import open_store; open_store(sys.argv[1]).close(); print('done')"


def _database(home: Path) -> Database:
    return Database(database_url(home))


def _table_names(home: Path) -> set[str]:
    engine = sa.create_engine(database_url(home))
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _lines(sql: str) -> list[str]:
    """What a table is declared with; one that was rebuilt has its name in quotation marks."""
    return sorted(line.strip(" \t,").replace('"', "") for line in sql.splitlines())


def test_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory.from_config(migrating.alembic_config())
    assert scripts.get_current_head() == migrating.HEAD


def test_the_migrations_make_the_declared_tables(store: Store, tmp_path: Path) -> None:
    engine = sa.create_engine(database_url(tmp_path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, tables.Table.metadata)
    engine.dispose()
    assert differences == []


def test_the_migrations_keep_partial_indexes_and_checks(store: Store, tmp_path: Path) -> None:
    """Alembic compares neither, so the SQL of both is compared here."""
    migrated = sa.create_engine(database_url(tmp_path))
    declared = sa.create_engine("sqlite://")
    tables.Table.metadata.create_all(declared)
    query = sa.text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL")
    found = []
    for engine in (migrated, declared):
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        found.append({name: _lines(sql) for name, sql in rows})
        engine.dispose()
    assert found[0] == found[1]


def test_down_to_nothing_and_up_again(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    database = _database(tmp_path)
    migrating.downgrade(database, "base")
    assert _table_names(tmp_path) == {"alembic_version"}
    migrating.upgrade(database)
    database.close()
    with open_store(tmp_path, migrate=False) as store:
        assert store.series.list() == []


def test_verdicts_of_an_older_database_are_kept(tmp_path: Path) -> None:
    judged = JudgedPrediction(label="flag", confidence=0.5, model_version="1", start_time=10, end_time=20)
    feedback = Feedback(client_id="c1", pair="EURUSD", timeframe="1h", action="confirm", prediction=judged)
    added = Feedback(
        client_id="c2",
        pair="EURUSD",
        timeframe="1h",
        action="add",
        label="flag",
        start_time=30,
        end_time=40,
    )
    with open_store(tmp_path) as store:
        verdict, _ = store.verdicts.record(feedback)
        store.verdicts.record(added)
        nothing = replace(added, client_id="c3", action="nothing", label=None, labels=("flag",), end_time=99)
        store.verdicts.record(nothing)
    database = _database(tmp_path)
    migrating.downgrade(database, "0003")
    database.close()
    with open_store(tmp_path) as store:
        assert store.verdicts.list() == [verdict]
        assert len(store.annotations.list("EURUSD", "1h")) == 2
        assert [one.end_time for one in store.annotations.reviewed("EURUSD", "1h")] == [20, 40]


def test_opening_again_keeps_what_is_stored(tmp_path: Path) -> None:
    for _ in range(2):
        with open_store(tmp_path) as store:
            store.annotations.add("EURUSD", "1h", [Annotation("flag", 1, 2, id="a")])
            assert len(store.annotations.list("EURUSD", "1h")) == 1


def test_processes_that_race_for_a_fresh_database_all_succeed(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", OPEN, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = [racer.communicate(timeout=60) for racer in racers]
    assert answers == [("done\n", "")] * 4


def test_an_up_to_date_database_is_opened_without_alembic(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    code = f"{OPEN}; assert not any(name.startswith('alembic') for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


def test_the_database_is_in_wal_mode_and_written_through(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    database = _database(tmp_path)
    with database.read() as session:
        pragmas = {
            name: session.execute(sa.text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    database = _database(tmp_path)
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(NotReady, match=r"cannot be migrated: found .*9999.*Install the version"):
        open_store(tmp_path)
    with pytest.raises(NotReady, match=rf"found it at revision 9999, expected {migrating.HEAD}"):
        open_store(tmp_path, migrate=False)


def test_without_migrate_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"candleloop\.db cannot be opened: found no such file"):
        open_store(tmp_path, migrate=False)
    assert list(tmp_path.iterdir()) == []
