import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mllib.pipeline.workspace import Workspace, open_workspace

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"

Console = Callable[[str], AppTest]


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves its page as the main module, which every process that is spawned later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("CANDLELOOP_HOME", str(tmp_path))
    with open_workspace(tmp_path) as opened:
        yield opened


@pytest.fixture
def console(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """Opens the console on a page, as on this machine alone; AppTest has no address and no cookies."""
    from app import session

    monkeypatch.setattr("app.signing_in.is_open", lambda: True)
    monkeypatch.setattr("app.annotator.cookie", lambda _: "")

    def open_page(name: str) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=30).run()
        return app.switch_page(f"../pages/{name}.py").run()

    yield open_page
    session.champion().stop()
    session.workspace().close()
    st.cache_resource.clear()
