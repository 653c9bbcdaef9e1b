"""Takes the pictures in `docs/images` from a running console: `python docs/take_screenshots.py`."""

import argparse
import re
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
PAGES = {
    "overview": "Labels by source",
    "train": "New training",
    "models": "Confusion of candles",
    "review": "Next prediction",
}
"""What stands on each page once it is drawn."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--address", default="http://127.0.0.1:8501")
    arguments.add_argument("--scheme", choices=("light", "dark"), default="light")
    arguments.add_argument("--series", default="EURUSD 1h")
    arguments.add_argument("--folder", type=Path, default=IMAGES)
    asked = arguments.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(
            viewport={"width": 1280, "height": 800}, color_scheme=asked.scheme, base_url=asked.address
        )
        page.set_default_timeout(60_000)
        for name in PAGES:
            _open(page, name, asked.series)
            page.screenshot(path=asked.folder / f"{name}.png")
        browser.close()


def _open(page: Page, name: str, series: str) -> None:
    page.goto("/" if name == "overview" else f"/{name}")
    page.get_by_text(PAGES[name]).first.wait_for()
    if name == "review":
        _prepare_review(page, series)
    if name == "models":
        page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    page.wait_for_timeout(2_500)


def _prepare_review(page: Page, series: str) -> None:
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    box = page.get_by_role("combobox", name=re.compile("Series"))
    if series not in page.get_by_test_id("stSelectbox").first.inner_text():
        box.click()
        page.get_by_role("option", name=series).click()
        page.wait_for_timeout(2_000)
    if (show := page.get_by_role("button", name="Show them")).count():
        show.click()


if __name__ == "__main__":
    main()
