"""README, tutorial and how-tos are followed as they stand; what is not run is listed here with its reason."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from mllib.cli import app
from tests.docs.pages import ROOT, SHELLS, Block, Reader, blocks_of

pytestmark = [pytest.mark.needs("curl"), pytest.mark.timeout(600)]
TUTORIAL = ROOT / "docs" / "tutorial.md"
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
AFTER_THE_TUTORIAL = [*HOW_TOS, ROOT / "docs" / "reference" / "python.md", ROOT / "README.md"]
PAGES = [TUTORIAL, ROOT / "docs" / "index.md", ROOT / "CONTRIBUTING.md", *AFTER_THE_TUTORIAL]
NOT_RUN = {
    ("README.md", "the first starts everything on its usual ports, the second is what runs this"),
    (
        "README.md",
        "a list of what there is; the tests check its commands and options, and run most elsewhere",
    ),
    ("CONTRIBUTING.md", "it installs this very environment from the network"),
    ("CONTRIBUTING.md", "the tests would start themselves"),
    ("tutorial.md", "it installs this very environment from the network"),
    ("index.md", "it starts everything on its usual ports; tests/e2e/test_loop.py runs `candleloop up`"),
    ("train-and-promote.md", "it needs a run that the gate refused"),
    ("review-a-queue.md", "it needs verdicts of two people on one place"),
    (
        "connect-the-annotation-tool.md",
        "it needs the annotation tool running; tests/annotation_files tests the call against a server",
    ),
}


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a reader who has followed the tutorial to its end."""
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "data").symlink_to(ROOT / "data")
    (folder / "pipeline.yaml").write_text(_quick_configuration())
    _reader(folder).follow(TUTORIAL)
    return folder


def test_the_tutorial_ends_with_a_second_version_that_learned_from_the_verdict(tutorial: Path) -> None:
    from mllib.pipeline.workspace import open_workspace

    with open_workspace(tutorial / "home") as ws:
        newest, first = ws.store.runs.list()
        champion = ws.store.champions.current("candleloop")
        (verdict,) = ws.store.verdicts.list("EURUSD", "1h")
    assert (first.status, newest.status, newest.model_version) == ("ready", "ready", 2)
    assert champion is not None
    assert champion.run_id == newest.run_id
    assert (verdict.action, verdict.annotator) == ("dismiss", "you")


@pytest.mark.parametrize("page", AFTER_THE_TUTORIAL, ids=lambda page: page.stem)
def test_a_page_can_be_followed_where_the_tutorial_ended(page: Path, tutorial: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(tutorial, folder, symlinks=True)
    _reader(folder).follow(page)


def test_what_is_not_run_is_listed_with_its_reason() -> None:
    found = {(page.name, block.why) for page in PAGES for block in blocks_of(page) if block.why is not None}
    assert found == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_fence_is_one_that_the_test_reads(page: Path) -> None:
    fences = len(re.findall(r"^ *```", page.read_text(), re.MULTILINE))
    assert fences == 2 * len(blocks_of(page))
    indented = re.findall(r"^ {4}(?:candleloop|make|\.venv|curl) .*", page.read_text(), re.MULTILINE)
    assert indented == [], "commands that nobody runs; fence them"


@pytest.mark.parametrize(
    "block",
    [block for page in PAGES for block in blocks_of(page) if block.why and block.language in SHELLS],
    ids=lambda block: block.text.splitlines()[0],
)
def test_what_is_not_run_names_commands_and_options_that_there_are(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.startswith("candleloop "):
            _check_command(shlex.split(line, comments=True)[1:])
        elif line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _check_command(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def _reader(folder: Path) -> Reader:
    commands = Path(sys.executable).parent
    environment = os.environ | {
        "CANDLELOOP_HOME": str(folder / "home"),
        "CANDLELOOP_CONFIG": str(folder / "pipeline.yaml"),
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
    }
    return Reader(folder, environment)


def _quick_configuration() -> str:
    """The default one with few trees, one encoder and one TA-Lib function, so that training takes seconds."""
    values = yaml.safe_load((ROOT / "config" / "pipeline.yaml").read_text())
    training = values["stages"]["training"]
    training |= {"hyperparameters": {"n_estimators": 6}, "validation_folds": 0}
    training["bootstrap"]["resamples"] = 20
    training["gate"]["truncation_cuts"] = 0
    values["stages"]["annotation_ingestion"] |= {"label_encoding": "bio", "talib_patterns": ["CDLENGULFING"]}
    return yaml.safe_dump(values)
