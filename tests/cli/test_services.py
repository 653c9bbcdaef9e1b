import os
import sys

import pytest


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line that this process would have become."""
    command: list[str] = []

    def become(_: str, arguments: list[str]) -> None:
        command.extend(arguments)
        sys.exit(0)

    monkeypatch.setattr(os, "execv", become)
    return command


@pytest.mark.parametrize(
    ("name", "flag"), [("api", "--port"), ("console", "--server.port")], ids=["api", "console"]
)
def test_a_port_is_taken_from_its_variable_unless_it_is_given(
    name, flag, candleloop, became, monkeypatch
) -> None:
    monkeypatch.setenv(f"CANDLELOOP_{name.upper()}_PORT", "9123")
    assert candleloop(name).returncode == 0
    assert became[became.index(flag) + 1] == "9123"
    became.clear()
    assert candleloop(name, "--port", "9124").returncode == 0
    assert became[became.index(flag) + 1] == "9124"


@pytest.mark.parametrize("name", ["api", "console"])
def test_a_variable_that_is_no_port_is_refused_by_its_name(name, candleloop, became, monkeypatch) -> None:
    for wrong in ("abc", "70000"):
        monkeypatch.setenv(f"CANDLELOOP_{name.upper()}_PORT", wrong)
        done = candleloop(name)
        assert done.returncode == 2
        assert f"CANDLELOOP_{name.upper()}_PORT" in done.stderr.replace("\n", "")
    assert became == []


def test_a_page_prints_no_bare_string_of_its_source(candleloop, became) -> None:
    assert candleloop("console").returncode == 0
    assert became[became.index("--runner.magicEnabled") + 1] == "false"
