"""The console's pages, found from this file."""

from pathlib import Path

_PAGES = Path(__file__).resolve().parents[1] / "pages"

PAGE_FILES = {name: _PAGES / f"{name}.py" for name in ("overview", "train", "models", "review")}
