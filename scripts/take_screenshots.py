"""Takes the pictures in `docs/images`: `python -m scripts.take_screenshots [--home HOME]`.

A console is started over a copy of the home (without one, over the samples with a model trained on them), a
few places are judged in it by keyboard, and each page is photographed in Chromium, in light and some in dark.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.browsers import chromium
from benchmarks.homes import make_champion, run_of, temporary_home
from benchmarks.servers import HOST, api, chart, console
from mllib.config import default_config_path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
KEYS = "yyxyysyxyyxy"
SKIP = "s"
PEOPLES = ("Bull flag", "Bear flag", "Bull pennant", "Bear pennant")
LONGEST_MS = 180_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a home with trained runs, which is copied")
    parser.add_argument("--folder", type=Path, default=IMAGES)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with temporary_home(asked.home, ("window",)) as ws:
        run = run_of(ws, "window")
        assert run is not None, "trained with the home"
        make_champion(ws, run)
        with console(ws.home) as server, chromium() as browser:
            address = f"http://{HOST}:{server.port}"
            for name, prepare in PAGES.items():
                _take(browser, address, name, prepare, asked.folder / f"{name}.png")
            for name, prepare in {"review": _open_review, "overview": _overview}.items():
                _take(browser, address, name, prepare, asked.folder / f"{name}-dark.png", scheme="dark")
        with (
            api(ws.home, default_config_path()) as service,
            chart(service.port) as server,
            chromium() as browser,
        ):
            for scheme, name in (("light", "web"), ("dark", "web-dark")):
                _take_chart(
                    browser, f"http://{HOST}:{server.port}", asked.folder / f"{name}.png", scheme=scheme
                )


def _take(
    browser: Browser,
    address: str,
    name: str,
    prepare: Callable[[Page], None],
    file: Path,
    *,
    scheme: str = "light",
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme, base_url=address)
    page.set_default_timeout(LONGEST_MS)
    page.goto("/" if name == "overview" else f"/{name}")
    prepare(page)
    _settle(page)
    page.screenshot(path=file)
    page.close()
    print(file, flush=True)


def _take_chart(browser: Browser, address: str, file: Path, *, scheme: str) -> None:
    """The Next.js chart where the model and people differ, with a prediction selected."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(LONGEST_MS)
    page.goto(f"{address}/?series=BTCUSDT+1h")
    page.get_by_label("Annotator").fill("ada")
    page.get_by_label("Confidence from").fill("0.55")
    page.locator("[data-chart][data-to]").wait_for()
    page.get_by_role("button", name="Predict all").click()
    page.get_by_role("progressbar", name="Predicting all").wait_for(state="detached")
    page.get_by_role("button", name="No label").click()
    for label in PEOPLES:
        page.get_by_role("region", name="Show").get_by_label(label, exact=True).check()
    told = page.locator("[data-start]")
    page.keyboard.press("k")
    while told.get_attribute("data-standing") not in ("boundary_mismatch", "missed_by_human"):
        page.keyboard.press("k")
        page.wait_for_timeout(100)
    page.locator("aside").evaluate("panel => panel.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    page.screenshot(path=file)
    page.close()
    print(file, flush=True)


def _open_review(page: Page) -> None:
    page.get_by_placeholder("Your name").fill("ada")
    page.keyboard.press("Enter")
    _wait_for_another_place(page, "")


def _review(page: Page) -> None:
    """Judges a dozen predictions, so that the next picture of Overview has something to tell."""
    _open_review(page)
    for key in KEYS:
        while page.get_by_text("Nothing predicted here").is_visible():
            _press(page, SKIP)
        _press(page, key)
    page.locator(".saving[data-state=saved]").wait_for()


def _press(page: Page, key: str) -> None:
    """Presses a key that leads on, and waits until the place after it is drawn."""
    before = page.locator(".chart").get_attribute("data-place") or ""
    page.keyboard.press(key)
    _wait_for_another_place(page, before)


def _wait_for_another_place(page: Page, before: str) -> None:
    page.locator(f'.chart[data-place]:not([data-place=""], [data-place="{before}"])').wait_for()


def _overview(page: Page) -> None:
    page.get_by_text("is loaded and answers").wait_for()
    page.get_by_text("places").first.wait_for()


def _data(page: Page) -> None:
    page.get_by_text("Where candles are missing").wait_for()


def _labels(page: Page) -> None:
    page.locator('.candle-chart[data-ready="true"]').wait_for()


def _disagreements(page: Page) -> None:
    page.get_by_text("Mean IoU").wait_for()
    _settle(page)
    page.get_by_test_id("stDataFrame").click(position={"x": 100, "y": 50})
    page.locator('.candle-chart[data-ready="true"]').wait_for()


def _train(page: Page) -> None:
    page.get_by_text("New training").wait_for()


def _models(page: Page) -> None:
    page.get_by_text("Champion").first.wait_for()
    _settle(page)
    for row in (0, 1):
        page.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 50 + 33 * row})
        _settle(page)


def _datasets(page: Page) -> None:
    page.get_by_text("Labels by source").wait_for()


def _settle(page: Page) -> None:
    page.wait_for_timeout(1_500)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(500)


PAGES: dict[str, Callable[[Page], None]] = {
    "review": _review,
    "overview": _overview,
    "data": _data,
    "labels": _labels,
    "disagreements": _disagreements,
    "train": _train,
    "models": _models,
    "datasets": _datasets,
}
"""Each page, and what is done before its picture is taken; Review first, as it leaves verdicts."""


if __name__ == "__main__":
    main()
