"""Fresh, old, newer and raced databases, and whether the migrations make the tables that we declare."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from mllib.errors import NotReady
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback, Store, migrating, open_store, tables
from mllib.store.database import Database, database_url
from tests.postgres import Server
from tests.sql import rows_of
from tests.store.conftest import ENGINES

OPEN = "import sys; from mllib.store import open_store; open_store(sys.argv[1]).close(); print('done')"


@pytest.fixture(params=ENGINES)
def blank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each engine that nobody has opened yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/candleloop.db"
        return
    with request.getfixturevalue("postgres").blank_database() as url:
        yield url


@pytest.fixture
def database(blank: str) -> Iterator[Database]:
    opened = Database(database_url(blank))
    yield opened
    opened.close()


def _table_names(url: str) -> set[str]:
    engine = sa.create_engine(url)
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


def test_the_migrations_make_the_declared_tables(store: Store, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, tables.Table.metadata)
    engine.dispose()
    assert differences == []


def test_the_migrations_keep_partial_indexes_and_checks(tmp_path: Path) -> None:
    """Alembic compares neither, so the SQL of both is compared here."""
    open_store(tmp_path).close()
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


@pytest.mark.needs("postgres")
def test_the_migrations_keep_partial_indexes_and_checks_on_postgresql(postgres: Server) -> None:
    queries = (
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0 ORDER BY 1",
    )
    with postgres.database() as migrated, postgres.blank_database() as declared:
        engine = sa.create_engine(declared)
        tables.Table.metadata.create_all(engine)
        engine.dispose()
        for query in queries:
            found, expected = rows_of(migrated, query), rows_of(declared, query)
            assert [row for row in found if "alembic" not in str(row[0])] == expected


def test_down_to_nothing_and_up_again(database: Database, blank: str) -> None:
    open_store(blank).close()
    migrating.downgrade(database, "base")
    assert _table_names(blank) == {"alembic_version"}
    migrating.upgrade(database)
    with open_store(blank, migrate=False) as store:
        assert store.series.list() == []


def test_verdicts_of_an_older_database_are_kept(database: Database, blank: str) -> None:
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
    with open_store(blank) as store:
        verdict, _ = store.verdicts.record(feedback)
        store.verdicts.record(added)
        nothing = replace(added, client_id="c3", action="nothing", label=None, labels=("flag",), end_time=99)
        store.verdicts.record(nothing)
    migrating.downgrade(database, "0003")
    with open_store(blank) as store:
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
    database = Database(database_url(tmp_path))
    with database.read() as session:
        pragmas = {
            name: session.execute(sa.text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_database_of_a_newer_version_is_refused(database: Database, blank: str) -> None:
    open_store(blank).close()
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotReady, match=r"cannot be migrated: found .*9999.*Install the version"):
        open_store(blank)
    with pytest.raises(NotReady, match=rf"found it at revision 9999, expected {migrating.HEAD}"):
        open_store(blank, migrate=False)


def test_without_migrate_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"candleloop\.db cannot be opened: found no such file"):
        open_store(tmp_path, migrate=False)
    assert list(tmp_path.iterdir()) == []


# What each table held before there were others; numbers that the database gives begin at 1.
_JUDGED = {"label": "flag", "confidence": 0.5, "model_version": "1", "start_time": 10, "end_time": 20}
_SPAN = {"label": "flag", "start_time": 10, "end_time": 20}
_NOTED = {"created_at": 1_700_000_000}
_OLD_ROWS: dict[str, list[dict[str, Any]]] = {
    "series": [{"pair": "EURUSD", "timeframe": "1h"}, {"pair": "BTC/USDT", "timeframe": "1d"}],
    "label_definition": [{"name": "flag", "color": "#2e9e5b", "key": "1"} | _NOTED],
    "annotation": [
        {"id": "a1", "series_id": 1, "external_id": "x", "source": "human", "extra": {"ü": [1]}}
        | _SPAN
        | _NOTED,
        {"id": "a2", "series_id": 1, "external_id": "x", "source": "human", "supersedes": "a1", "clarity": 2}
        | _SPAN
        | _NOTED,
        {"id": "a3", "series_id": 2, "source": "model_confirmed", "model_prediction": _JUDGED}
        | _SPAN
        | _NOTED,
    ],
    "retraction": [{"annotation_id": "a3", "annotator": "ann", "reason": "no"} | _NOTED],
    "reviewed_range": [
        {"series_id": 1, "start_time": 0, "end_time": 99, "labels": ["flag"]} | _NOTED,
        {"series_id": 2, "start_time": 0, "end_time": 99, "labels": ["flag"], "annotation_id": "a3"} | _NOTED,
    ],
    "verdict": [
        {"id": "v1", "client_id": "c1", "series_id": 2, "action": "confirm", "predicted_label": "flag"}
        | {"predicted_start_time": 10, "predicted_end_time": 20, "annotation_id": "a3"}
        | _SPAN
        | _NOTED
    ],
    "talib_layer": [{"series_id": 1, "function": "CDLDOJI", "labelled_to_time": 20, "span_count": 1}],
    "talib_span": [{"series_id": 1, "function": "CDLDOJI", "confidence": 0.1 + 0.2} | _SPAN],
    "training_run": [
        {
            "run_id": "r1",
            "slot": 1,
            "model_type": "xgboost",
            "encoder": "bio",
            "status": "ready",
            "attempt": 1,
        }
        | {"registered_model_name": "candleloop", "request": {"pairs": []}, "progress": 1.0, "stage": ""}
        | {"metrics": {"accuracy": 0.9}, "model_version": 1, "predictor_path": "predictors/r1"}
        | _NOTED
    ],
    "champion_move": [
        {"registered_model_name": "candleloop", "run_id": "r1", "moved_by": "auto", "moved_at": 1_700_000_000}
    ],
    "worker_heartbeat": [{"name": "w", "pid": 1, "host": "box", "started_at": 5, "beat_at": 6.5}],
    "label_change": [{"name": "flag", "kind": "recolor", "value": "#000000"} | _NOTED],
    "api_key": [{"id": "k1", "name": "chart", "secret_hash": "00", "scopes": ["read"]} | _NOTED],
}


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_an_upgrade_from_each_earlier_version_loses_nothing(
    database: Database, blank: str, revision: str
) -> None:
    migrating.upgrade(database, revision)
    before = _fill(blank)
    assert "verdict" in before
    assert ("api_key" in before) == (revision >= "0003")
    with open_store(blank) as store:
        assert _contents(blank, before) == before
        assert [run.model_version for run in store.runs.list()] == [1]
        (flag,) = store.annotations.list("EURUSD", "1h")
        assert (flag.id, flag.clarity, flag.extra) == ("x", 2, {})
        assert store.annotations.list("BTC/USDT", "1d") == store.verdicts.list() == []
        store.series.ensure("GBPUSD", "1h")
        assert store.champions.move("candleloop", "r1", moved_by="promote").id == 2


def test_every_earlier_version_is_tried() -> None:
    scripts = ScriptDirectory.from_config(migrating.alembic_config())
    assert sorted(script.revision for script in scripts.walk_revisions()) == [
        "0001",
        "0002",
        "0003",
        migrating.HEAD,
    ]


def _fill(url: str) -> dict[str, list[dict[str, Any]]]:
    """Puts the old rows into the tables that there are; what they then hold."""
    engine, found = sa.create_engine(url), sa.MetaData()
    found.reflect(engine)
    with engine.begin() as connection:
        for table in found.sorted_tables:
            for row in _OLD_ROWS.get(table.name, ()):
                connection.execute(table.insert().values(row))
    engine.dispose()
    own = {table.name: [*table.columns.keys()] for table in found.sorted_tables if table.name in _OLD_ROWS}
    return _contents(url, {name: [dict.fromkeys(columns)] for name, columns in own.items()})


def _contents(url: str, columns: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Every row of some tables, with the columns that are given for it."""
    return {
        name: [
            dict(zip(rows[0], row, strict=True))
            for row in rows_of(url, f"SELECT {', '.join(rows[0])} FROM {name} ORDER BY 1")
        ]
        for name, rows in columns.items()
    }
