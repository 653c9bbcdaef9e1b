"""A chart in a page, as a browser test looks at it: what it has drawn stands in its data attributes."""

from collections.abc import Callable
from typing import Any

from tests.e2e.consoles import wait

_A_MOMENT_MS = 120


class ChartOnPage:
    """The one chart of a page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.element = page.locator('.candle-chart[data-ready="true"]')
        self.element.wait_for()

    def data(self) -> dict[str, str]:
        """All that the chart says of itself."""
        return self.element.evaluate("element => ({...element.dataset})")

    def drawn(self) -> None:
        """Waits until the browser has drawn what the mouse or a key changed."""
        self.page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    def bars(self) -> tuple[float, float]:
        """The visible bars, once they stay the same for a moment."""
        before = None
        while before != (now := self._bars()):
            before = now
            self.page.wait_for_timeout(_A_MOMENT_MS)
        return now

    def _bars(self) -> tuple[float, float]:
        said = self.data()
        return float(said["fromBar"]), float(said["toBar"])

    def wait(self, is_so: Callable[[dict[str, str]], Any], what: str) -> dict[str, str]:
        wait(lambda: is_so(self.data()), what, self.page)
        return self.data()

    def point(self, bar: float, *, height: float = 0.5) -> tuple[float, float]:
        """Where the middle of a bar is on the page, at a share of the chart's height."""
        box, (first, last) = self.element.bounding_box(), self.bars()
        width = self.element.evaluate("element => element.parentElement.__chart.paneWidth()")
        return box["x"] + (bar - first) / (last - first) * width, box["y"] + height * box["height"]

    def drag(self, from_bar: float, to_bar: float, *, height: float = 0.5) -> None:
        (x, y), (to_x, to_y) = self.point(from_bar, height=height), self.point(to_bar, height=height)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(to_x, to_y, steps=8)
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        self.element.focus()
        for key in keys:
            self.page.keyboard.press(key)
