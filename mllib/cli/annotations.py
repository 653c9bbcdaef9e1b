"""`candleloop annotations …` and `candleloop label`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mllib.cli.output import Json, Pair, Timeframe, print_json, print_table, say

app = typer.Typer(help="People's spans: import and export.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The annotation tool's JSON or CSV export.")],
    pair: Pair,
    timeframe: Timeframe,
    reviewed: Annotated[str, typer.Option(help="Where all was looked at: all, none or START..END.")] = "all",
    labels: Annotated[
        str, typer.Option(help="Labels that were looked for, by comma; default: all known.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Store an export's spans on stored candles."""
    from mllib.pipeline.annotations import import_annotations
    from mllib.pipeline.workspace import open_workspace

    looked_for = [name.strip() for name in labels.split(",") if name.strip()]
    with open_workspace() as ws:
        done = import_annotations(
            ws, file, pair=pair, timeframe=timeframe, reviewed=reviewed, labels=looked_for
        )
    outcome = done.outcome
    if as_json:
        ranges = [{**asdict(part), "labels": sorted(part.labels)} for part in done.reviewed]
        print_json({"notes": list(done.notes), **asdict(outcome), "reviewed": ranges})
        return
    for note in done.notes:
        say(note)
    say(
        f"Stored: {outcome.added} added, {outcome.unchanged} unchanged, {len(outcome.conflicts)} in conflict."
    )
    for conflict in outcome.conflicts:
        say(f"  left as it was stored: {conflict}")
    names = ", ".join(sorted({label for part in done.reviewed for label in part.labels}))
    say(f"Reviewed: {reviewed}; without a span there, none of these labels is there: {names or 'none'}.")


@app.command()
def export(
    pair: Pair,
    timeframe: Timeframe,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; standard output otherwise.")
    ] = None,
) -> None:
    """Write people's spans in the annotation tool's format."""
    from mllib.annotation_files import to_export, write_annotation_file
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import parse_timeframe

    with open_workspace() as ws:
        ws.candles.version(pair, parse_timeframe(timeframe))
        found = ws.store.annotations.list(pair, parse_timeframe(timeframe))
    if out is None:
        print_json(to_export(found))
        return
    write_annotation_file(out, found)
    say(f"{len(found)} annotations written to {out}.")


def label(
    pair: Pair,
    timeframe: Timeframe,
    patterns: Annotated[str, typer.Option(help="CDL functions by comma, or all; default: configured.")] = "",
    as_json: Json = False,
) -> None:
    """Label a series with TA-Lib's candlestick functions."""
    from mllib.pipeline.annotations import label_series
    from mllib.pipeline.workspace import open_workspace

    functions = (
        None if not patterns else [] if patterns == "all" else [p.strip() for p in patterns.split(",")]
    )
    with open_workspace() as ws:
        counts = label_series(ws, pair=pair, timeframe=timeframe, functions=functions)
    if as_json:
        print_json(counts)
        return
    print_table(f"TA-Lib spans of {pair} {timeframe}", ("function", "spans"), list(counts.items()))


commands = (label,)
