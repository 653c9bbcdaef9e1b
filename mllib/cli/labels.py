"""`candleloop labels …`: what annotators may give, and what became of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from mllib.pipeline.labels import LabelUse
    from mllib.store import LabelDefinition

app = typer.Typer(help="Labels: colours, new names, and those out of use.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The label.")]
Color = Annotated[str, typer.Argument(help="Such as #e4572e.")]


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those out of use as well.")] = False,
    as_json: Json = False,
) -> None:
    """List the labels in use, with their spans."""
    from mllib.pipeline.labels import list_labels
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        found = list_labels(ws, every=every)
    if as_json:
        print_json([_use_as_json(one) for one in found])
        return
    columns = ("label", "colour", "key", "people's spans", "TA-Lib's", "state")
    print_table("Labels", columns, [*map(_row, found)])


@app.command()
def add(
    name: Name,
    color: Annotated[str | None, typer.Option("--color", help="#rrggbb; found for you otherwise.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Shortcut, one character.")] = None,
    as_json: Json = False,
) -> None:
    """Add a label before anyone has given it."""
    from mllib.pipeline.labels import add_label
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        made = add_label(ws, name, color=color, key=key)
    _show(made, f"Label {name} is there, {made.color}.", as_json)


@app.command()
def rename(
    name: Name, to: Annotated[str, typer.Argument(help="The new name.")], as_json: Json = False
) -> None:
    """Give a label another name; spans keep what was written and are read under the new name."""
    from mllib.pipeline.labels import rename_label
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        made = rename_label(ws, name, to)
    undo = f"`candleloop labels restore {name}` takes it back."
    _show(made, f"{name} is now {to}; what was written as {name} counts as {to}. {undo}", as_json)


@app.command()
def recolor(name: Name, color: Color, as_json: Json = False) -> None:
    """Give a label another colour."""
    from mllib.pipeline.labels import recolor_label
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        made = recolor_label(ws, name, color)
    _show(made, f"{name} is now {made.color}.", as_json)


@app.command("key")
def set_key(
    name: Name,
    key: Annotated[str | None, typer.Argument(help="One character; left out: no key.")] = None,
    as_json: Json = False,
) -> None:
    """Give a label another shortcut key, or none."""
    from mllib.pipeline.labels import set_label_key
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        made = set_label_key(ws, name, key)
    _show(made, f"{name} now has {'no key' if made.key is None else f'the key {made.key}'}.", as_json)


@app.command()
def merge(
    name: Name,
    into: Annotated[str, typer.Option("--into", help="The label that stays.")],
    as_json: Json = False,
) -> None:
    """Make two labels one; spans keep what was written and are read as the one that stays."""
    from mllib.pipeline.labels import merge_label
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        kept = merge_label(ws, name, into)
    _show(kept, f"{name} is now {into}. `candleloop labels restore {name}` takes it back.", as_json)


@app.command()
def retire(name: Name, as_json: Json = False) -> None:
    """Take a label out of use: its spans stay, but nobody learns from them."""
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        ws.store.labels.retire(name)
        retired = next(one for one in ws.store.labels.list() if one.name == name)
    _show(retired, f"{name} is retired. `candleloop labels restore {name}` takes it back.", as_json)


@app.command()
def restore(name: Name, as_json: Json = False) -> None:
    """Take back that a label was retired, renamed or merged."""
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        back = ws.store.labels.restore(name)
    _show(back, f"{name} is in use again.", as_json)


@app.command()
def history(
    name: Annotated[str | None, typer.Argument(help="Of one label; of all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Show what became of labels, oldest first."""
    from dataclasses import asdict

    from mllib.pipeline.labels import label_history
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc

    with open_workspace() as ws:
        changes = label_history(ws, name)
    if as_json:
        print_json([asdict(one) for one in changes])
        return
    rows = [(iso_utc(one.created_at), one.name, one.kind, one.value) for one in changes]
    print_table("Changes", ("when", "label", "what", "to, or colour before"), rows)


def _show(label: "LabelDefinition", words: str, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json(asdict(label))
    else:
        say(words)


def _use_as_json(one: "LabelUse") -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(one.definition), "state": one.state, "people": one.people, "talib": one.talib}


def _row(one: "LabelUse") -> tuple[object, ...]:
    label = one.definition
    state = one.state if label.leads_to is None else f"now {label.leads_to}"
    return label.name, label.color, label.key, one.people, one.talib, state
