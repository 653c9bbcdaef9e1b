"""Each part of a home is broken by hand; the doctor says which and what to do, and changes nothing."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mllib.deployment import DATABASE, QUEUE, STORAGE
from mllib.doctor import examine
from mllib.pipeline.sharing import share_home
from mllib.pipeline.workspace import open_workspace
from tests.pipeline.conftest import TrainedHome, copy_of
from tests.processes import free_port


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API", "CONSOLE", "MLFLOW", "WEB"):
        monkeypatch.setenv(f"CANDLELOOP_{name}_PORT", str(free_port()))


@pytest.fixture
def home(trained: TrainedHome, tmp_path: Path) -> Path:
    copy = copy_of(trained, tmp_path / "home")
    with closing(sqlite3.connect(copy / "candleloop.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return copy


def found(home: Path) -> dict[str, tuple[bool | None, str]]:
    return {one.name: (one.ok, one.said) for one in examine(home)}


def test_a_home_that_is_well_has_nothing_broken(home: Path) -> None:
    said = found(home)

    assert {name for name, (ok, _) in said.items() if ok is False} == set()
    well = ("Installation", "Configuration", "Home", "Database", "Candles", "Champion", "Job queue", "MLflow")
    assert {name for name, (ok, _) in said.items() if ok} >= set(well)
    assert said["Worker"] == (None, "None runs. `candleloop up` or `candleloop worker` starts one.")
    assert said["API"][0] is None


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    said = found(tmp_path / "none")

    assert said["Home"][0] is None
    assert not (tmp_path / "none").exists()


def test_on_a_new_machine_the_servers_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE, f"postgresql://ann:s3cret@127.0.0.1:{free_port()}/candleloop")

    said = found(tmp_path / "none")

    assert said["Database"][0] is False
    assert "s3cret" not in said["Database"][1]
    assert not (tmp_path / "none").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # DVC's own
@pytest.mark.parametrize("kind", ["file", "local"])
def test_a_champion_that_no_other_machine_can_load_is_named(
    home: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "share").mkdir()
    monkeypatch.setenv(STORAGE, f"{kind}://{tmp_path}/share")
    assert "on this machine alone. `candleloop share`" in found(home)["Champion"][1]

    with open_workspace(home) as ws:
        assert share_home(ws).datasets
    assert any((tmp_path / "share" / "dvc" / "files").iterdir()), "and in no folder of the name file:"
    said = found(home)
    assert (said["Champion"][0], said["Candles"][0]) == (True, True)


def break_database(home: Path) -> None:
    content = bytearray((home / "candleloop.db").read_bytes())
    content[8_192:-4_096] = bytes(len(content) - 12_288)
    (home / "candleloop.db").write_bytes(content)


def make_database_old(home: Path) -> None:
    with closing(sqlite3.connect(home / "candleloop.db", isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0002'")


def make_database_newer(home: Path) -> None:
    with closing(sqlite3.connect(home / "candleloop.db", isolation_level=None)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")


def break_candles(home: Path) -> None:
    (home / "candles" / "EURUSD_1h.parquet").write_bytes(b"no Parquet")


def break_champion(home: Path) -> None:
    for file in (home / "predictors").glob("*/predictor.json"):
        file.write_text("{")


def break_queue(home: Path) -> None:
    (home / "jobs.db").write_bytes(b"no database" * 1_000)


def break_mlflow(home: Path) -> None:
    (home / "mlflow").mkdir(exist_ok=True)
    (home / "mlflow" / "mlflow.db").write_bytes(b"no database" * 1_000)


@pytest.mark.parametrize(
    ("broken", "name", "advice"),
    [
        (break_database, "Database", "backup"),
        (make_database_old, "Database", "Start candleloop"),
        (make_database_newer, "Database", "Install the version of candleloop that last wrote"),
        (break_candles, "Candles", "Restore the file"),
        (break_champion, "Champion", "Promote another run|[Tt]rain again"),
        (break_queue, "Job queue", "Move the file away"),
        (break_mlflow, "MLflow", "Move it away"),
    ],
)
def test_what_is_broken_is_named_with_what_to_do(
    home: Path, broken: Callable[[Path], None], name: str, advice: str
) -> None:
    broken(home)
    before = contents(home)

    said = found(home)

    assert said[name][0] is False
    assert re.search(advice, said[name][1]), said[name]
    assert contents(home) == before


def contents(home: Path) -> dict[str, bytes]:
    """Every file but those that SQLite keeps beside a database while it is open."""
    files = (path for path in home.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): path.read_bytes() for path in files}


def test_a_configuration_that_cannot_be_read_is_the_first_thing_to_mend(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text("stages: {training: {sead: 1}}")
    monkeypatch.setenv("CANDLELOOP_CONFIG", str(tmp_path / "mine.yaml"))

    said = found(home)

    assert list(said) == ["Installation", "Configuration"]
    assert "sead" in said["Configuration"][1]


def test_a_storage_that_is_away_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORAGE, "s3://candleloop/team")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")

    ok, said = found(home)["Storage"]

    assert (ok, "Check CANDLELOOP_STORAGE_URL" in said, "s3cret" in said) == (False, True, False)


def test_a_queue_on_a_server_that_is_away_is_named_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(QUEUE, f"redis://:s3cret@127.0.0.1:{free_port()}/0")

    ok, said = found(home)["Job queue"]

    assert ok is False
    assert "Start Redis" in said
    assert "s3cret" not in said
