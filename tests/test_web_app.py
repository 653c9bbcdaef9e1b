"""Installing and building the chart, with a Node.js and an npm that only write down what they were asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mllib.errors import NotReady
from mllib.web_app import Node, build, find_node, install, is_built

NPM = """#!/bin/sh
echo "$*" >> ../asked
[ -e ../fails ] && exit 7
case "$1" in
ci) rm -rf node_modules && mkdir -p node_modules/.bin ;;
run)
    sleep 0.2
    mkdir -p .next/standalone .next/static
    touch .next/standalone/server.js .next/static/a.js ;;
esac
"""
CI = "ci --ignore-scripts --no-audit --no-fund --loglevel=error"
BUILD = "run build"


def _program(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node("node", _program(tmp_path / "bin" / "npm", NPM))


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    for name in ("package-lock.json", "app/page.tsx", "tests/page.test.ts", "public/icon.svg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def _asked(web: Path) -> list[str]:
    written = web.parent / "asked"
    lines = written.read_text().splitlines() if written.exists() else []
    written.unlink(missing_ok=True)
    return lines


def test_a_first_build_installs_and_brings_what_the_server_serves(web: Path, node: Node) -> None:
    assert not is_built(web)
    server = build(web, node)
    assert server == web / ".next" / "standalone" / "server.js"
    assert (server.parent / ".next" / "static" / "a.js").exists()
    assert (server.parent / "public" / "icon.svg").exists()
    assert is_built(web)
    assert _asked(web) == [CI, BUILD]


def test_what_has_not_changed_is_not_built_again(web: Path, node: Node) -> None:
    build(web, node)
    _asked(web)
    (web / "tests" / "page.test.ts").write_text("another")
    (web / "tsconfig.tsbuildinfo").write_text("{}")
    build(web, node)
    assert _asked(web) == []


@pytest.mark.parametrize("change", ["content", "name", "new", "gone"])
def test_changed_sources_are_built_again_without_installing(web: Path, node: Node, change: str) -> None:
    build(web, node)
    _asked(web)
    page = web / "app" / "page.tsx"
    match change:
        case "content":
            page.write_text("another")
        case "name":
            page.rename(web / "app" / "other.tsx")
        case "new":
            (web / "app" / "new.tsx").write_text("")
        case "gone":
            page.unlink()
    assert not is_built(web)
    build(web, node)
    assert _asked(web) == [BUILD]


def test_a_variable_that_is_built_in_has_it_built_again(
    web: Path, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(web, node)
    monkeypatch.setenv("INFERENCE_API_URL", "http://127.0.0.1:1")
    assert is_built(web)
    monkeypatch.setenv("NEXT_PUBLIC_PREDICTIONS_ENABLED", "false")
    assert not is_built(web)


def test_tools_are_installed_once_for_each_lock_file(web: Path, node: Node) -> None:
    for _ in range(2):
        assert install(web, node) == web / "node_modules" / ".bin"
    assert _asked(web) == [CI]
    (web / "package-lock.json").write_text("another")
    install(web, node)
    assert _asked(web) == [CI]


@pytest.mark.parametrize("before", [False, True])
def test_a_build_that_fails_counts_for_nothing_and_is_tried_again(
    web: Path, node: Node, before: bool
) -> None:
    if before:
        build(web, node)
        (web / "app" / "page.tsx").write_text("broken")
    (web.parent / "fails").touch()
    with pytest.raises(NotReady, match=r"Building the chart failed, npm (ci|run build).*: found exit code 7"):
        build(web, node)
    assert not is_built(web)
    (web.parent / "fails").unlink()
    build(web, node)
    assert is_built(web)


def test_two_processes_build_once(web: Path, node: Node) -> None:
    code = (
        "import json, sys; from pathlib import Path; from mllib.web_app import Node, build; "
        "web, node = json.loads(sys.argv[1]); print(build(Path(web), Node(*node)))"
    )
    command = [sys.executable, "-c", code, json.dumps([str(web), [node.path, node.npm]])]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = {process.communicate(timeout=60)[0] for process in both}
    assert told == {f"{web / '.next' / 'standalone' / 'server.js'}\n"}
    assert _asked(web) == [CI, BUILD]


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({}, "found no Node.js 20.9 or newer"),
        ({"node": "v18.19.1", "npm": ""}, "found no Node.js 20.9 or newer (found 18.19)"),
        ({"node": "v20.8.9", "npm": ""}, "found no Node.js 20.9 or newer (found 20.8)"),
        ({"node": "", "npm": ""}, "found no Node.js 20.9 or newer (found one that does not start)"),
        ({"node": "v22.1.0"}, "found no npm beside Node.js 22.1"),
    ],
)
def test_a_node_that_does_not_do_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], said: str
) -> None:
    for name, version in programs.items():
        _program(tmp_path / "bin" / name, f"#!/bin/sh\necho {version}\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(NotReady) as caught:
        find_node()
    assert str(caught.value) == said


@pytest.mark.parametrize("version", ["v20.9.0", "v24.0.1"])
def test_a_node_that_does_is_found_with_its_npm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    expected = [_program(tmp_path / "bin" / name, f"#!/bin/sh\necho {version}\n") for name in ("node", "npm")]
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_node() == Node(*expected)
