"""The types that the Next.js side compiles against are those of the API, and its use of them fits."""

import copy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.main import create_app
from scripts.write_types import install_tools, types_of

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "web" / "candleloop" / "candleloop-api.d.ts"
CLIENT = Path(__file__).with_name("client.ts")
Compile = Callable[[str], "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.needs("node")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


@pytest.fixture
def compile_with(tmp_path: Path) -> Compile:
    """Compiles the client against these types."""

    def compile_client(types: str) -> "subprocess.CompletedProcess[str]":
        shutil.copy(CLIENT, tmp_path / "client.ts")
        (tmp_path / "candleloop-api.d.ts").write_text(types)
        options = [
            "--noEmit",
            "--strict",
            "--target",
            "es2022",
            "--module",
            "esnext",
            "--moduleResolution",
            "bundler",
        ]
        command = [str(install_tools() / "tsc"), *options, "client.ts"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return compile_client


def test_the_types_are_those_of_the_api(document: dict[str, Any]) -> None:
    assert types_of(document) == COMMITTED.read_text(), "the API has changed: run `make types` and commit it"


def test_a_client_in_the_names_of_the_contract_compiles(compile_with: Compile) -> None:
    done = compile_with(COMMITTED.read_text())
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("schema", "field"),
    [("Span", "avg_confidence"), ("Problem", "error")],
)
def test_a_renamed_field_breaks_the_client(
    document: dict[str, Any], compile_with: Compile, schema: str, field: str
) -> None:
    renamed = copy.deepcopy(document)
    shape = renamed["components"]["schemas"][schema]
    shape["properties"]["renamed"] = shape["properties"].pop(field)
    shape["required"] = ["renamed" if name == field else name for name in shape["required"]]
    types = types_of(renamed)
    assert types != COMMITTED.read_text()
    done = compile_with(types)
    assert done.returncode != 0
    assert f"'{field}'" in done.stdout
