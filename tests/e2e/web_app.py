"""The Next.js app over a real API: their processes, and the chart as a browser test looks at it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.e2e.consoles import ROOT, WORKER, wait
from tests.processes import free_port, wait_until


@dataclass
class Services:
    """An API that can be killed and started again, a worker, and the web server in front of them."""

    environment: dict[str, str]
    logs: Path
    api_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def start_api(self) -> None:
        self._start("api", "-m", "mllib.cli", "api", "--port", str(self.api_port), "--workers", "1")
        wait_until(lambda: httpx.get(f"{self.api}/ready").is_success, within_s=90, what="the API is ready")

    def kill_api(self) -> None:
        """As a crash would: nothing is finished, nobody is told."""
        self.end("api", kill=True)

    @contextmanager
    def without_api(self) -> Iterator[None]:
        """The API killed at the begin of the block, and there again after it, whatever happens in it."""
        self.kill_api()
        try:
            yield
        finally:
            self.start_api()

    def start_worker(self) -> None:
        self._start("worker", "-c", WORKER)

    def start_web(self) -> None:
        self._start("web", "-m", "mllib.cli", "web")
        wait_until(lambda: httpx.get(self.web).is_success, within_s=240, what="the web server answers")

    def end(self, name: str, *, kill: bool = False) -> None:
        child = self._running.pop(name, None)
        if child is None:
            return
        if kill:
            subprocess.run(["pkill", "-9", "-P", str(child.pid)], check=False)
            child.kill()
        else:
            child.terminate()
        child.wait(20)

    def end_all(self) -> None:
        for name in list(self._running):
            self.end(name)

    def _start(self, name: str, *arguments: str) -> None:
        environment = self.environment | {
            "CANDLELOOP_WEB_PORT": str(self.web_port),
            "INFERENCE_API_URL": self.api,
        }
        with (self.logs / f"{name}.log").open("ab") as out:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
            )


@contextmanager
def services(environment: dict[str, str], logs: Path, *, worker: bool = False) -> Iterator[Services]:
    """API and web server that answer, ended with the block."""
    started = Services(environment, logs)
    with ExitStack() as ending:
        ending.callback(started.end_all)
        started.start_api()
        if worker:
            started.start_worker()
        started.start_web()
        yield started


class WebChart:
    """The chart of the open page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.element = page.locator("[data-chart][data-to]")
        self.element.wait_for()

    def range(self) -> tuple[float, float]:
        """The visible candles, by their number from the first one loaded, once they stay the same."""
        before = None
        while before != (now := self._range()):
            before = now
            self.page.wait_for_timeout(120)
        return now

    def _range(self) -> tuple[float, float]:
        said = self.element.evaluate("element => ({...element.dataset})")
        return float(said["from"]), float(said["to"])

    def point(self, candle: float, *, height: float = 0.5) -> tuple[float, float]:
        """Where the middle of a candle is on the page, at a share of the pane's height."""
        box, (first, last) = self.element.bounding_box(), self.range()
        width, pane = self.element.evaluate(
            "element => [Number(element.dataset.width), Number(element.dataset.height)]"
        )
        return box["x"] + (candle + 0.5 - first) / (last - first + 1) * width, box["y"] + height * pane

    def click(self, candle: float, *, height: float = 0.5, **options: Any) -> None:
        self.page.mouse.move(*self.point(candle, height=height))
        self.page.mouse.click(*self.point(candle, height=height), **options)

    def find(self, candle: int, *, words: str) -> tuple[float, float]:
        """Where the pointer over that candle is told of a span of that label; models' tags are above."""
        tip = self.page.locator("[data-span-tip]")
        for height in range(97, 3, -2):
            place = self.point(candle, height=height / 100)
            self.page.mouse.move(*place)
            self.page.wait_for_timeout(30)
            if tip.is_visible() and words.replace("_", " ") in tip.inner_text().lower():
                return place
        raise AssertionError(f"no span told as {words!r} over candle {candle}")

    def bound(self, last: int) -> tuple[float, float]:
        """Where the selected span, whose last candle that is, offers its right bound to be dragged."""
        for height in range(97, 3, -2):
            x, y = self.point(last + 0.5, height=height / 100)
            self.page.mouse.move(x, y)
            self.page.wait_for_timeout(30)
            cursor = "([x, y]) => getComputedStyle(document.elementFromPoint(x, y)).cursor"
            if self.page.evaluate(cursor, [x, y]) == "ew-resize":
                return x, y
        raise AssertionError(f"no bound at candle {last}")

    def drag(self, place: tuple[float, float], to_candle: float) -> None:
        """Drags a right bound to the right bound of another candle."""
        self.page.mouse.move(*place)
        self.page.mouse.down()
        self.page.mouse.move(self.point(to_candle + 0.5)[0], place[1], steps=8)
        self.page.mouse.up()


def summary(page: Any) -> dict[str, int]:
    """The figures of the panel's Agreement section, by what they count."""
    rows = page.get_by_role("region", name="Agreement").locator("dl > div")
    counted = {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows.all()}
    return {name: int(count.replace(",", "")) for name, count in counted.items()}


def selected(page: Any) -> tuple[str, int, int]:
    """Label, start and end of what the verdict bar tells of."""
    told = page.locator("[data-start]")
    told.wait_for()
    label = told.locator("strong").inner_text().lower().replace(" ", "_")
    return label, int(told.get_attribute("data-start")), int(told.get_attribute("data-end"))


def saved(page: Any) -> None:
    """Waits until the service has acknowledged all that was said."""
    page.get_by_text("Saved", exact=True).wait_for()


def wait_for_predictions(page: Any) -> dict[str, int]:
    """The summary, once it counts something that the model says."""

    def predicted() -> int:
        return sum(n for name, n in summary(page).items() if name != "Missed by the model")

    wait(predicted, "predictions", page)
    return summary(page)
