"""Writes the pages of `docs/reference` that come from the code: `python scripts/write_reference.py`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def reference_pages() -> dict[str, str]:
    """The pages by file name below `docs/reference`."""
    from api.main import create_app
    from scripts.reference.cli import cli_page
    from scripts.reference.configuration import configuration_page
    from scripts.reference.rest import rest_page

    return {
        "cli.md": cli_page(),
        "configuration.md": configuration_page(ROOT / "config" / "pipeline.yaml"),
        "rest.md": rest_page(create_app().openapi()),
    }


def main() -> None:
    folder = ROOT / "docs" / "reference"
    for name, text in reference_pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
