"""The headless Chromium that benchmarks and screenshots look at pages with."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")


@contextmanager
def chromium() -> Iterator[Any]:
    """The Chromium on the `PATH` as a Playwright browser without a graphics card; closed in the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_FLAGS))
        yield browser
        browser.close()
