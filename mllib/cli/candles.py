"""`candleloop candles …`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mllib.amounts import count
from mllib.cli.output import Json, Pair, Timeframe, print_json, print_table, say

if TYPE_CHECKING:
    from mllib.pipeline.data import CandleImport

app = typer.Typer(help="Stored candles: import, list, check, gaps, rename, delete.", no_args_is_help=True)
File = Annotated[
    Path, typer.Argument(help="CSV or Parquet with time, open, high, low, close and maybe volume.")
]
Adjusting = Annotated[
    Literal["none", "split"],
    typer.Option(help="split: put prices and volume from before clear stock splits into the newest shares."),
]
Named = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        help="A split to adjust for, such as 2005-02-28=2, 3/2 or 1/10; a ratio of 1 says there is none.",
    ),
]


@app.command("import")
def import_(
    file: File,
    pair: Pair,
    timeframe: Timeframe,
    adjust: Adjusting = "none",
    split: Named = None,
    as_json: Json = False,
) -> None:
    """Check a file and merge it into the stored series by time."""
    from mllib.pipeline.data import import_candles
    from mllib.pipeline.workspace import open_workspace
    from mllib.price_adjustment import parse_split

    splits = [parse_split(text) for text in split or ()]
    with open_workspace() as ws:
        done = import_candles(ws, file, pair=pair, timeframe=timeframe, adjust=adjust, splits=splits)
    _show(done, as_json)


@app.command()
def check(
    file: File,
    pair: Pair,
    timeframe: Timeframe,
    adjust: Adjusting = "none",
    split: Named = None,
    as_json: Json = False,
) -> None:
    """Say what an import would say, without storing anything."""
    from mllib.pipeline.data import check_file
    from mllib.price_adjustment import parse_split

    splits = [parse_split(text) for text in split or ()]
    _show(check_file(file, pair=pair, timeframe=timeframe, adjust=adjust, splits=splits), as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the stored series."""
    from dataclasses import asdict

    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc

    with open_workspace() as ws:
        series = ws.candles.list()
    if as_json:
        print_json([asdict(one) | {"splits": [split._asdict() for split in one.splits]} for one in series])
        return
    rows = [
        (
            *(s.pair, s.timeframe, f"{s.rows:,}", iso_utc(s.first_time), iso_utc(s.last_time)),
            *(f"{s.size_bytes:,}", len(s.splits) or ""),
        )
        for s in series
    ]
    columns = ("pair", "timeframe", "candles", "from", "to", "bytes", "splits adjusted")
    print_table("Series", columns, rows)


@app.command()
def rename(
    pair: Pair,
    timeframe: Timeframe,
    to: Annotated[str, typer.Option("--to", help="The new symbol.")],
) -> None:
    """Give a series another symbol; its annotations follow."""
    from mllib.pipeline.data import rename_series
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        rename_series(ws, pair=pair, timeframe=timeframe, new_pair=to)
    say(f"{pair} {timeframe} is now {to} {timeframe}.")


@app.command()
def delete(
    pair: Pair,
    timeframe: Timeframe,
    with_annotations: Annotated[bool, typer.Option(help="Delete its annotations and verdicts too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a series' candles; annotations stay for a later import unless asked otherwise."""
    from mllib.pipeline.data import delete_series
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        ws.candles.version(pair, timeframe)  # asks of nothing that is not there
        if not yes:
            typer.confirm(f"Delete the candles of {pair} {timeframe}?", abort=True)
        deleted = delete_series(ws, pair=pair, timeframe=timeframe, with_annotations=with_annotations)
    if as_json:
        print_json({"pair": pair, "timeframe": timeframe, "deleted": deleted})
        return
    say(f"{pair} {timeframe} is deleted. `candleloop candles undelete {deleted}` brings the candles back.")


@app.command()
def undelete(
    deleted: Annotated[str, typer.Argument(help="As `delete` named it; the last few deletions are kept.")],
) -> None:
    """Bring back the candles of a series that was deleted lately."""
    from mllib.pipeline.data import undo_delete
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        pair, timeframe = undo_delete(ws, deleted)
    say(f"{pair} {timeframe} is stored again.")


@app.command()
def gaps(pair: Pair, timeframe: Timeframe, as_json: Json = False) -> None:
    """List where candles are missing though the market is usually open."""
    from mllib.pipeline.series_listing import gaps_of
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc

    with open_workspace() as ws:
        found = gaps_of(ws, pair=pair, timeframe=timeframe)
    if as_json:
        print_json([gap._asdict() for gap in found])
        return
    rows = [
        (iso_utc(gap.after_time), iso_utc(gap.before_time), gap.missing)
        for gap in found
        if not gap.is_day_off
    ]
    print_table(f"Gaps of {pair} {timeframe}", ("last candle before", "next candle", "missing"), rows)
    if days_off := len(found) - len(rows):
        say(f"And {count(days_off, 'single day')} off, such as holidays.")


def _show(done: "CandleImport", as_json: bool) -> None:
    from dataclasses import asdict

    from mllib.price_adjustment import adjustment_words

    if as_json:
        result: dict[str, Any] = {"notes": list(done.notes), "report": done.report.to_dict()}
        result["adjusted"] = [split._asdict() for split in done.adjusted]
        print_json(result | {"merged": None if done.merged is None else asdict(done.merged)})
        return
    for line in (*done.notes, *(adjustment_words(split) for split in done.adjusted), *done.report.lines()):
        say(line)
    if done.merged is not None:
        m = done.merged
        say(f"Stored: {m.added} added, {m.changed} changed, {m.unchanged} unchanged, {m.total} in all.")
