"""The blocks of a page of the documentation, and how they are followed."""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from tests.processes import free_port, wait_until

ROOT = Path(__file__).parents[2]
SHELLS = ("sh", "bash", "console")
ELSEWHERE = "in another terminal"
_BLOCK = re.compile(
    r'(?:^<!-- not run: (?P<why>[^\n]+?) -->\n)?^```(?P<language>[a-z]+)(?: title="(?P<title>[^"]+)")?\n'
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_READY_PATHS = {"api": "/health", "console": "/_stcore/health"}
_USUAL_PORTS = {"api": 8001, "console": 8501}


@dataclass(frozen=True)
class Block:
    """A fenced block; `why` it is not run, where the page says so."""

    language: str
    title: str | None
    text: str
    why: str | None

    @property
    def is_command(self) -> bool:
        return self.language in SHELLS or (self.language == "python" and self.title is None)


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in order."""
    return [Block(**match.groupdict()) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


@dataclass
class Reader:
    """Someone who follows a page in a folder, with a home and ports of their own.

    What a shell block assigns stays for the blocks after it, as in one terminal.
    """

    folder: Path
    environment: dict[str, str]
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in _USUAL_PORTS})
    services: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def follow(self, page: Path) -> None:
        """Does what the page says, block by block, and ends the services that it started."""
        (self.folder / ".shell").write_text("")
        try:
            for block in blocks_of(page):
                if block.why is None:
                    self._do(block)
        finally:
            self._end_services()

    def _do(self, block: Block) -> None:
        text = self._at_own_ports(block.text)
        if block.title == ELSEWHERE:
            self._start(text)
        elif block.language == "diff":
            self._patch(block)
        elif block.title is not None:
            self._file(block.title).write_text(text)
        elif block.language in SHELLS:
            self._run(["bash", "-euc", f"set -a; . ./.shell; {text}\nexport -p > .shell"], text)
        elif block.language == "python":
            self._run([sys.executable, "-c", text], text)

    def _at_own_ports(self, text: str) -> str:
        for name, usual in _USUAL_PORTS.items():
            text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{self.ports[name]}")
        return text

    def _run(self, command: list[str], text: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment(), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def _start(self, text: str) -> None:
        """Starts a service and waits until it answers; exec, so that ending it ends the service itself."""
        name = next(name for name in _READY_PATHS if text.startswith(f"candleloop {name}"))
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            command = ["bash", "-euc", f". ./.shell; exec {text}"]
            service = subprocess.Popen(
                command, cwd=self.folder, env=self._environment(), stdout=out, stderr=subprocess.STDOUT
            )
        self.services.append(service)
        address = f"http://127.0.0.1:{self.ports[name]}{_READY_PATHS[name]}"
        wait_until(lambda: _answers(service, address, log), within_s=60, what=text)

    def _environment(self) -> dict[str, str]:
        ports = {f"CANDLELOOP_{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        return self.environment | ports

    def _file(self, name: str) -> Path:
        """A file of the reader's folder; one of `mllib` lies in a copy of it, which Python finds first."""
        package = name.split("/", 1)[0]
        if package == "mllib" and not (self.folder / package).exists():
            for folder in (ROOT / package).rglob("*.py"):
                copy = self.folder / folder.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(folder.read_bytes())
            self.environment["PYTHONPATH"] = str(self.folder)
        return self.folder / name

    def _patch(self, block: Block) -> None:
        """Puts added lines after the line before them, which has to be in the file once."""
        assert block.title is not None
        file = self._file(block.title)
        text, above = file.read_text(), ""
        for line in block.text.splitlines():
            shown = line[1:] + "\n"
            if line.startswith("+"):
                assert text.count(above) == 1, f"{block.title}: {above!r} is not there once"
                text = text.replace(above, above + shown)
                shown = above + shown
            above = shown
        file.write_text(text)

    def _end_services(self) -> None:
        for service in self.services:
            service.terminate()
        for service in self.services:
            service.wait(20)


def _answers(service: "subprocess.Popen[bytes]", address: str, log: Path) -> bool:
    assert service.poll() is None, log.read_text()
    return httpx.get(address).is_success
