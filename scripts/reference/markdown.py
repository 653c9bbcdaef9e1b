"""How the pages of the reference are written."""

from collections.abc import Sequence

_NOTE = "<!-- Written by scripts/write_reference.py from the code: `make docs` writes it anew. -->"


def page(title: str, head: str, *sections: str) -> str:
    """A whole page, its sections apart."""
    return "\n\n".join([f"# {title}", _NOTE, head.strip(), *sections]) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its cells have to be safe already (`cell`, `code`)."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Text as it may stand in a cell: on one line, with no bar or tag of its own.

    >>> cell("a  b <c>")
    'a b &lt;c&gt;'
    """
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def code(value: object) -> str:
    """A value as code in a cell; empty where there is nothing to show."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    return f"`{text}`" if text else ""
