import os
import socket
import sys
from pathlib import Path

import pytest

from mllib import web_app
from mllib.cli import services


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


@pytest.mark.parametrize("name", ["api", "console", "web"])
def test_a_variable_that_is_no_port_is_refused_by_its_name(name, candleloop, became, monkeypatch) -> None:
    for wrong in ("abc", "70000"):
        monkeypatch.setenv(f"CANDLELOOP_{name.upper()}_PORT", wrong)
        done = candleloop(name)
        assert done.returncode == 2
        assert f"CANDLELOOP_{name.upper()}_PORT" in done.stderr.replace("\n", "")
    assert became == []


@pytest.fixture
def chart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A chart that is built already; what the command sets in the environment is put back."""
    for name in ("HOSTNAME", "PORT", "NODE_ENV", "NEXT_TELEMETRY_DISABLED", "INFERENCE_API_URL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(web_app, "build", lambda web, node: tmp_path / "server.js")
    monkeypatch.setattr(web_app, "find_node", lambda: web_app.Node("/bin/node", "/bin/npm"))
    return tmp_path / "server.js"


def test_the_chart_listens_on_this_machine_alone_and_asks_our_api(
    candleloop, became, chart, monkeypatch
) -> None:
    monkeypatch.setenv("CANDLELOOP_WEB_PORT", "9125")
    monkeypatch.setenv("CANDLELOOP_API_PORT", "9126")
    assert candleloop("web").returncode == 0
    assert became == ["/bin/node", str(chart)]
    assert (os.environ["HOSTNAME"], os.environ["PORT"]) == ("127.0.0.1", "9125")
    assert os.environ["INFERENCE_API_URL"] == "http://127.0.0.1:9126"
    assert os.environ["NEXT_TELEMETRY_DISABLED"] == "1"


def test_the_chart_asks_the_api_that_it_is_told(candleloop, became, chart, monkeypatch) -> None:
    monkeypatch.setenv("INFERENCE_API_URL", "http://elsewhere:8001")
    assert candleloop("web", "--port", "9127").returncode == 0
    assert (os.environ["INFERENCE_API_URL"], os.environ["PORT"]) == ("http://elsewhere:8001", "9127")


def test_a_port_that_is_taken_is_named_with_its_variable(candleloop, became, chart) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = candleloop("web", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, became) == (1, [])
    assert "found it in use" in " ".join(done.stderr.split())
    assert "CANDLELOOP_WEB_PORT" in done.stderr


def test_without_node_the_chart_is_refused_in_words(candleloop, became, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = candleloop("web")
    assert (done.returncode, became) == (1, [])
    assert "found no Node.js 20.9 or newer. Install it and start again." in " ".join(done.stderr.split())


def test_up_leaves_the_chart_out_without_node_and_says_so(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    names = [service.name for service in services._services(tmp_path)]
    assert names == ["api", "console", "mlflow", "worker"]
    assert services._chart() == (
        "Chart: found no Node.js 20.9 or newer, so it is not started. Install it and run `make up` again."
    )


def test_up_has_the_chart_beside_the_rest_and_waits_for_none_of_it(chart, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("CANDLELOOP_WEB_PORT", "9128")
    *others, web = services._services(tmp_path)
    assert (web.name, web.port, web.awaited) == ("web", 9128, False)
    assert all(service.awaited for service in others)
    monkeypatch.setattr(web_app, "is_built", lambda web: False)
    assert services._chart() == "Chart    http://127.0.0.1:9128 (being built, about a minute)"
    monkeypatch.setattr(web_app, "is_built", lambda web: True)
    assert services._chart() == "Chart    http://127.0.0.1:9128"


def test_a_page_prints_no_bare_string_of_its_source(candleloop, became) -> None:
    assert candleloop("console").returncode == 0
    assert became[became.index("--runner.magicEnabled") + 1] == "false"
