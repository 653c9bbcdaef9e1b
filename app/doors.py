"""The console's pages, found from this file, in the order of the navigation."""

from pathlib import Path
from typing import NamedTuple

from mllib.store import Scope

_PAGES = Path(__file__).resolve().parents[1] / "pages"


class Door(NamedTuple):
    """A page: its file, how the navigation shows it, and the scope of key that opens it from elsewhere."""

    file: Path
    title: str
    icon: str
    scope: Scope


DOORS = {
    name: Door(_PAGES / f"{name}.py", name.capitalize(), f":material/{icon}:", scope)
    for name, icon, scope in (
        ("overview", "all_inclusive", "read"),
        ("data", "database", "train"),
        ("labels", "label", "annotate"),
        ("review", "candlestick_chart", "annotate"),
        ("disagreements", "compare_arrows", "annotate"),
        ("train", "model_training", "train"),
        ("models", "deployed_code", "train"),
        ("datasets", "dataset", "train"),
    )
}
PAGE_FILES = {name: door.file for name, door in DOORS.items()}
