"""The table of the contract in docs/web.md names tests that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ROW = re.compile(r"^\| (?P<said>.+) \| `(?P<file>[^`]+)`: (?P<name>.+) \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in _ROW.finditer((ROOT / "docs" / "web.md").read_text())]


def test_the_table_has_its_rows() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize("row", ROWS, ids=[row["said"] for row in ROWS])
def test_a_point_is_shown_by_a_test(row: dict[str, str]) -> None:
    assert row["name"] in (ROOT / row["file"]).read_text()
