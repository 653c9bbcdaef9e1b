"""The console's pages, found from this file, in the order of the navigation."""

from pathlib import Path
from typing import NamedTuple

_PAGES = Path(__file__).resolve().parents[1] / "pages"


class Door(NamedTuple):
    """A page: its file, and how the navigation shows it."""

    file: Path
    title: str
    icon: str


DOORS = {
    name: Door(_PAGES / f"{name}.py", name.capitalize(), f":material/{icon}:")
    for name, icon in {
        "overview": "all_inclusive",
        "data": "database",
        "labels": "label",
        "review": "candlestick_chart",
        "disagreements": "compare_arrows",
        "train": "model_training",
        "models": "deployed_code",
        "datasets": "dataset",
    }.items()
}
PAGE_FILES = {name: door.file for name, door in DOORS.items()}
