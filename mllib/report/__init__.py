"""What a person reads of a trained model: its card and plots, as Markdown and as one HTML file without
requests.
"""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mllib.report.card import Card, Facts, Section, model_card
from mllib.report.charts import charts

__all__ = ["Card", "Facts", "Section", "charts", "model_card", "to_html", "to_markdown", "write_report"]

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2937}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;border-bottom:1px solid #e5e7eb;"
    "text-align:left}svg{margin:.5rem;max-width:100%}"
)
_ORDER = ("span_f1", "precision_recall", "reliability", "boundary_error", "confusion")


def to_markdown(card: Card) -> str:
    """The card as Markdown."""
    blocks = [f"# {card.title}"]
    for section in card.sections:
        blocks.append(f"## {section.title}")
        blocks += ["\n".join(f"- {line}" for line in section.lines)] if section.lines else []
        if section.table:
            head, *rows = [[cell.replace("|", "\\|") for cell in row] for row in section.table]
            lines = [head, ["---"] * len(head), *rows]
            blocks.append("\n".join(f"| {' | '.join(row)} |" for row in lines))
    return "\n\n".join(blocks) + "\n"


def to_html(card: Card, drawings: dict[str, str]) -> str:
    """The card with its plots as one file that requests nothing."""
    parts = [f"<h1>{escape(card.title)}</h1>"]
    for section in card.sections:
        parts.append(f"<h2>{escape(section.title)}</h2>")
        parts += [f"<p>{escape(line)}</p>" for line in section.lines]
        if section.table:
            head, *rows = section.table
            parts.append(f"<table><tr>{_cells(head, 'th')}</tr>")
            parts += [f"<tr>{_cells(row, 'td')}</tr>" for row in rows]
            parts.append("</table>")
    drawn = "".join(drawings[name] for name in _ORDER if name in drawings)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(card.title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}<h2>Plots</h2>{drawn}</body></html>\n"
    )


def _cells(row: Sequence[str], tag: str) -> str:
    return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)


def write_report(facts: Facts, folder: Path) -> None:
    """Writes `card.md`, `report.html`, `metrics.json` and `plots/*.svg` into a folder."""
    card, drawings = model_card(facts), charts(facts.metrics)
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for name, drawing in drawings.items():
        (plots / f"{name}.svg").write_text(drawing, encoding="utf-8")
    (folder / "card.md").write_text(to_markdown(card), encoding="utf-8")
    (folder / "report.html").write_text(to_html(card, drawings), encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(facts.metrics, indent=1), encoding="utf-8")
