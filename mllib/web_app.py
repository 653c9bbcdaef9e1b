"""The chart for the browser, `web/` of a checkout: found, installed and built with the machine's Node.js."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mllib.errors import NotReady

OLDEST_NODE = (20, 9)
_NO_SOURCE = frozenset({"node_modules", ".next", "tests", "next-env.d.ts", ".gitignore", "vitest.config.ts"})
_QUIET = {"NEXT_TELEMETRY_DISABLED": "1"}


@dataclass(frozen=True)
class Node:
    """A Node.js that is new enough, and its npm."""

    path: str
    npm: str


def web_folder() -> Path | None:
    """The folder `web/` beside the package, which only a checkout has."""
    folder = Path(__file__).parents[1] / "web"
    return folder if (folder / "package-lock.json").exists() else None


def find_node() -> Node:
    """The Node.js and npm on PATH.

    Raises:
        NotReady: there is none, or an older one; the message says only that, as `found no …`.
    """
    path, npm = shutil.which("node"), shutil.which("npm")
    wanted = "Node.js {}.{} or newer".format(*OLDEST_NODE)
    if path is None:
        raise NotReady(f"found no {wanted}")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < OLDEST_NODE:
        raise NotReady(
            f"found no {wanted} (found {'.'.join(map(str, version)) or 'one that does not start'})"
        )
    if npm is None:
        raise NotReady(f"found no npm beside Node.js {'.'.join(map(str, version))}")
    return Node(path, npm)


def install(web: Path, node: Node) -> Path:
    """The folder of the tools' commands, in the versions of the lock file; one process at a time installs.

    Raises:
        NotReady: npm failed; it has said why on standard error.
    """
    with _alone(web):
        return _install(web, node)


def is_built(web: Path) -> bool:
    """Whether the built chart is that of the present sources."""
    return _read(_build_stamp(web)) == _digest_of_sources(web)


def build(web: Path, node: Node) -> Path:
    """The server script of the chart, built from the present sources; one process at a time builds.

    Raises:
        NotReady: npm or Next.js failed; it has said why on standard error.
    """
    with _alone(web):
        if not is_built(web):
            _install(web, node)
            _build(web, node)
    return _standalone(web) / "server.js"


def _build(web: Path, node: Node) -> None:
    digest = _digest_of_sources(web)
    _build_stamp(web).unlink(missing_ok=True)
    _run([node.npm, "run", "build"], web)
    for name in (".next/static", "public"):  # the server serves them, but Next.js leaves the copying to us
        if (web / name).exists():
            shutil.copytree(web / name, _standalone(web) / name, dirs_exist_ok=True)
    _build_stamp(web).write_text(digest)


def _install(web: Path, node: Node) -> Path:
    stamp = web / "node_modules" / ".candleloop-lock"
    digest = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    if _read(stamp) != digest:
        _run([node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], web)
        stamp.write_text(digest)
    return web / "node_modules" / ".bin"


def _run(command: Sequence[str], web: Path) -> None:
    # nice: whoever waits for API and console goes first.
    polite = ["nice", "-n", "10", *command]
    done = subprocess.run(polite, cwd=web, env={**os.environ, **_QUIET}, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        said = " ".join((Path(command[0]).name, *command[1:3]))
        raise NotReady(
            f"Building the chart failed, {said}: found exit code {done.returncode}, expected 0. "
            "Mend what it says above and start again."
        )


@contextmanager
def _alone(web: Path) -> Iterator[None]:
    """Holds the lock on what is installed and built; the kernel lets go of it however this process ends."""
    folder = web.parent / ".uv"
    folder.mkdir(exist_ok=True)
    with (folder / "web.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _standalone(web: Path) -> Path:
    return web / ".next" / "standalone"


def _build_stamp(web: Path) -> Path:
    return web / ".next" / "candleloop-build"


def _read(stamp: Path) -> str | None:
    return stamp.read_text() if stamp.exists() else None


def _digest_of_sources(web: Path) -> str:
    """What the build depends on: sources, lock file, and the variables that Next.js builds in."""
    digest = hashlib.sha256(repr(_built_in(os.environ)).encode())
    for path in sorted(_sources(web)):
        digest.update(f"\0{path.relative_to(web).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(web: Path) -> Iterator[Path]:
    for top in web.iterdir():
        if top.name not in _NO_SOURCE and top.suffix != ".tsbuildinfo":
            yield from [top] if top.is_file() else (path for path in top.rglob("*") if path.is_file())


def _built_in(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in environment.items() if name.startswith("NEXT_PUBLIC_"))
