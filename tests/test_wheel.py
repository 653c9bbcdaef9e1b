"""The wheel, in an environment of its own where the repository cannot be imported."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pandas as pd
import pytest

from tests.e2e.consoles import window
from tests.processes import free_port, wait_until

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "app", "mllib", "pages")
SERIES = ("--pair", "EURUSD", "--timeframe", "1h")
QUICK = (
    "stages.training.hyperparameters.n_estimators=6",
    "stages.training.bootstrap.resamples=20",
    "stages.training.gate.truncation_cuts=0",
    "stages.training.validation_folds=0",
    "stages.annotation_ingestion.talib_patterns=[CDLENGULFING]",
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sdist, unpacked, and of the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    _hatch("sdist", ROOT, folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    _hatch("wheel", next(folder.glob("candleloop-*/")), folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@dataclass(frozen=True)
class Outside:
    """A folder outside the repository, and an environment in which only the wheel was installed."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CANDLELOOP_", "PYTHON"))}
        return kept | {"CANDLELOOP_HOME": str(self.folder / "home")}

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=200
        )

    def candleloop(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run(self.python.with_name("candleloop"), *arguments)

    def succeeds(self, *arguments: str) -> str:
        """What a command that succeeds says."""
        done = self.candleloop(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def outside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """Its dependencies are those installed here: a path from a .pth brings no other .pth with it, so that the
    repository, which is installed as one, stays out.
    """
    outside = Outside(tmp_path_factory.mktemp("outside"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", outside.python.parents[1]], check=True)
    (own,) = outside.python.parents[1].glob("lib/python*/site-packages")
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--python",
        str(outside.python),
        str(wheel),
    ]
    subprocess.run(["sh", str(ROOT / "scripts" / "uv.sh"), *install], check=True)
    return outside


@pytest.fixture(scope="module")
def trained(outside: Outside) -> Outside:
    """A home with a short series from a CSV file and a champion, made by the wheel's commands alone."""
    candles = pd.read_parquet(ROOT / "data" / "samples" / "EURUSD_1h.parquet").head(3_000)
    candles.to_csv(outside.folder / "candles.csv", index=False)
    assert "3,000 candles" in outside.succeeds("candles", "import", "candles.csv", *SERIES)
    overrides = [word for setting in QUICK for word in ("--set", setting)]
    said = outside.succeeds("train", *SERIES, "--encoder", "bio", "--labels", "talib", *overrides)
    assert "Version 1 is the champion now" in said
    return outside


def test_the_wheel_has_every_file_of_its_packages_and_nothing_else(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected | {"mllib/pipeline.yaml"}
    assert any(name.startswith("mllib/store/migrations/versions/") for name in names)


def test_the_sdist_has_what_is_needed_to_build_and_test_and_nothing_that_was_built(built: Path) -> None:
    (unpacked,) = built.glob("candleloop-*/")
    there = {path.name for path in unpacked.iterdir()}
    assert {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        "docs",
        "tests",
        "web",
    } <= there
    assert not there & {".git", ".venv", ".uv", ".cache", "var", "site", "dist"}
    assert not (unpacked / "web" / "node_modules").exists()


def test_the_repository_cannot_be_imported_there(outside: Outside) -> None:
    script = "import mllib, api, app, sys; print(mllib.__file__, api.__file__, app.__file__, sys.path)"
    done = outside.run(outside.python, "-c", script)
    assert done.returncode == 0, done.stderr
    files, path = done.stdout.split(" [")
    assert all(file.startswith(str(outside.folder)) for file in files.split())
    assert f"'{ROOT}'" not in path
    assert outside.run(outside.python, "-c", "import tests").returncode != 0


def test_what_is_missing_is_installed_with_pip_there(outside: Outside) -> None:
    script = "from mllib.extras import to_install; print(to_install('servers'))"
    assert outside.run(outside.python, "-c", script).stdout == "pip install 'candleloop[servers]'\n"


def test_help_lists_the_commands(outside: Outside) -> None:
    assert "candleloop" in outside.succeeds("--help")


def test_the_chart_is_said_to_need_a_checkout(outside: Outside) -> None:
    done = outside.candleloop("web")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: web: found no folder `web`, expected it beside `mllib`. Start it in a checkout.\n"
    )


def test_the_other_services_are_started_without_the_chart_and_that_is_said(outside: Outside) -> None:
    script = (
        "from mllib.cli import services as s; print(s._chart()); "
        "print([service.name for service in s._services(s.Path('.'))])"
    )
    said = outside.run(outside.python, "-c", script).stdout.splitlines()
    assert said == [
        "Chart: found no folder `web`, which only a checkout has, so it is not started.",
        "['api', 'console', 'mlflow', 'worker']",
    ]


def test_a_model_trained_from_a_csv_file_serves_predictions(trained: Outside) -> None:
    candles = pd.read_csv(trained.folder / "candles.csv").tail(400)
    body = {"pair": "EURUSD", "timeframe": "1h", "candles": candles.to_dict("records")}
    with _service(trained, "api", "/health") as address:
        assert httpx.get(f"{address}/health").json()["model_version"] == "1"
        answer = httpx.post(f"{address}/predict", json=body, timeout=30)
        assert answer.status_code == 200
        assert {span["label"] for span in answer.json()["spans"]} <= {
            "bullish_engulfing",
            "bearish_engulfing",
        }
        assert len(answer.json()["per_candle"]) == len(candles)


@pytest.mark.needs("browser")
def test_the_console_starts_and_finds_its_pages(trained: Outside, browser: Any) -> None:
    with _service(trained, "console", "/_stcore/health") as address, window(browser, address) as page:
        page.goto("/models")
        page.get_by_role("link", name="Disagreements").wait_for()
        page.get_by_text("xgboost").first.wait_for(state="attached")


@contextmanager
def _service(outside: Outside, name: str, ready_path: str) -> Iterator[str]:
    """The address of a running service of the wheel."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [outside.python.with_name("candleloop"), name, "--port", str(port)]
    log = outside.folder / f"{name}.log"
    with log.open("wb") as out:
        service = subprocess.Popen(
            command, cwd=outside.folder, env=outside.environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: httpx.get(address + ready_path).is_success, within_s=60, what=f"{name} answers")
        yield address
    finally:
        service.terminate()
        service.wait(20)


def _hatch(target: str, source: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
