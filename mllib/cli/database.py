"""`candleloop db …`: the database's own commands."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mllib.cli.output import Json, print_json, print_table, progress_bar, say

app = typer.Typer(
    help="The database: bring it to this version, back it up, restore it, move it.", no_args_is_help=True
)


def _place() -> str | Path:
    """The database of `CANDLELOOP_DATABASE_URL`, else that of the home folder."""
    from mllib.deployment import Deployment
    from mllib.pipeline.workspace import usable_home

    return Deployment.from_environment().database or usable_home()


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the tables to this version, as every start does."""
    from mllib.store.migrating import bring_to_head

    before, after = bring_to_head(_place())
    if as_json:
        print_json({"from": before, "to": after})
        return
    say(f"The tables were at revision {before or 'none'} and are at {after}.")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; a file of that name is replaced.")],
    as_json: Json = False,
) -> None:
    """Write every row, as it is at one moment, into one file; others go on working meanwhile."""
    from mllib.store.archives import back_up

    with progress_bar("Backup") as progress:
        made = back_up(_place(), file, progress=progress)
    if as_json:
        print_json(asdict(made))
        return
    print_table(f"Revision {made.revision}", ("table", "rows"), [*made.counts.items()])
    say(f"{sum(made.counts.values())} rows are in {file}.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `candleloop db backup`.")],
    as_json: Json = False,
) -> None:
    """Fill an empty database from a backup, of SQLite or PostgreSQL; all of it or nothing."""
    from mllib.store import archives

    with progress_bar("Restore") as progress:
        restored = archives.restore(file, _place(), progress=progress)
    if as_json:
        print_json(asdict(restored))
        return
    print_table(f"Revision {restored.revision}", ("table", "rows"), [*restored.counts.items()])
    say(f"{sum(restored.counts.values())} rows of {file} are restored.")


@app.command()
def move(
    source: Annotated[
        str | None, typer.Option("--from", help="URL or home folder; default: the home folder.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", help="URL or home folder; default: CANDLELOOP_DATABASE_URL.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy every row to an empty database: from SQLite to PostgreSQL, or back. The source stays as it is."""
    from mllib.pipeline.workspace import usable_home
    from mllib.store import moving

    with progress_bar("Move") as progress:
        moved = moving.move(source or usable_home(), target or _place(), progress=progress)
    if as_json:
        print_json(asdict(moved))
        return
    rows = [(name, *counts) for name, counts in moved.counts.items()]
    print_table(
        f"{moved.source} → {moved.target}", ("table", "rows of the source", "rows of the target"), rows
    )
    say("Every row is there. Set CANDLELOOP_DATABASE_URL to it for all services, and start them again.")
