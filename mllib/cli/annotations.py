"""`candleloop annotations …` and `candleloop label`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mllib.amounts import count
from mllib.cli.engines import OnCluster, engine_at
from mllib.cli.output import Json, Pair, Timeframe, names_in, print_json, print_table, progress_bar, say
from mllib.cli.verdicts import agreement

if TYPE_CHECKING:
    from mllib.annotation_report import AnnotationReport
    from mllib.pipeline.importing import AnnotationImport

app = typer.Typer(help="People's spans: import, pull, export, report and agreement.", no_args_is_help=True)
app.command()(agreement)
ExportForm = Literal["json", "csv", "bio", "windows"]
"""Those of `mllib.pipeline.annotating`, which is not imported before it is needed."""
_SHOWN = 10
"""So many conflicts and notes are told one by one."""

Reviewed = Annotated[
    str | None,
    typer.Option(
        help="Where all was looked at: all, none or START..END; default: all, or none if the file is empty."
    ),
]
LookedFor = Annotated[str, typer.Option(help="Labels that were looked for, by comma; default: all known.")]
Update = Annotated[
    bool, typer.Option("--update", help="Put what is stored under the same id, but differs, out of force.")
]


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="The tool's JSON export, or its CSV of spans, candles, windows or points.")
    ],
    pair: Pair,
    timeframe: Timeframe,
    reviewed: Reviewed = None,
    labels: LookedFor = "",
    update: Update = False,
    as_json: Json = False,
) -> None:
    """Store an export's annotations on stored candles."""
    from mllib.pipeline.importing import import_annotations
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        done = import_annotations(
            ws,
            file,
            pair=pair,
            timeframe=timeframe,
            reviewed=reviewed,
            labels=names_in(labels),
            update=update,
        )
    _show(done, reviewed or ("all" if done.reviewed else "none"), as_json)


@app.command()
def pull(  # noqa: PLR0913  # an argument an option
    url: Annotated[str, typer.Option("--url", help="The annotation tool, such as http://localhost:3000.")],
    chart: Annotated[str, typer.Option("--chart", help="The chart's number there.")],
    pair: Pair,
    timeframe: Timeframe,
    reviewed: Reviewed = None,
    labels: LookedFor = "",
    update: Update = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the whole answer.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Store a chart's annotations straight from the annotation tool."""
    from mllib.pipeline.importing import Chart, pull_annotations
    from mllib.pipeline.workspace import open_workspace

    asked = Chart(pair, timeframe, reviewed, tuple(names_in(labels)))
    with open_workspace() as ws:
        done = pull_annotations(ws, url, chart_id=chart, chart=asked, update=update, timeout_s=timeout)
    _show(done, reviewed or ("all" if done.reviewed else "none"), as_json)


def _show(done: "AnnotationImport", reviewed: str, as_json: bool) -> None:
    outcome = done.outcome
    if as_json:
        ranges = [{**asdict(part), "labels": sorted(part.labels)} for part in done.reviewed]
        counts = {name: getattr(outcome, name) for name in ("added", "unchanged", "updated")}
        conflicts = [asdict(one) for one in done.conflicts]
        print_json({"notes": list(done.notes), **counts, "conflicts": conflicts, "reviewed": ranges})
        return
    _say_some(done.notes)
    say(
        f"Stored: {outcome.added} added, {outcome.updated} updated, {outcome.unchanged} unchanged, "
        f"{len(done.conflicts)} in conflict."
    )
    if done.conflicts:
        say("Left as stored, though the same ids now say something else:")
        _say_some([f"  {one.words}" for one in done.conflicts])
        if not all(one.retracted for one in done.conflicts):
            say("Import again with --update to take what is given now; what it replaces is kept as history.")
    names = ", ".join(sorted({label for part in done.reviewed for label in part.labels}))
    say(f"Reviewed: {reviewed}; without a span there, none of these labels is there: {names or 'none'}.")


def _say_some(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        say(line)
    if len(lines) > _SHOWN:
        say(f"… and {len(lines) - _SHOWN} more like these; --json lists more.")


@app.command()
def export(
    pair: Pair,
    timeframe: Timeframe,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write, .json or .csv; standard output otherwise."),
    ] = None,
    form: Annotated[
        ExportForm | None,
        typer.Option("--format", help="What is written; by default what the file's name says, else json."),
    ] = None,
) -> None:
    """Write people's spans in the annotation tool's forms, under the present names of labels.

    csv has a row a span, bio a row a candle with its tag, windows a row a span with its candles.
    """
    from mllib.annotation_files import tagged_of, write_export
    from mllib.pipeline.annotating import annotations_to_export, exported_text
    from mllib.pipeline.workspace import open_workspace

    chosen = form or ("csv" if out is not None and out.suffix.lower() == ".csv" else "json")
    with open_workspace() as ws:
        found = annotations_to_export(ws, pair=pair, timeframe=timeframe)
        text = exported_text(ws, chosen, pair=pair, timeframe=timeframe)
    if out is None:
        print(text, end="")
        return
    write_export(out, text)
    told = tagged_of(found) if chosen == "bio" else found
    left = f" {len(found) - len(told)} left out: a candle has one label." if len(told) < len(found) else ""
    say(f"{count(len(told), 'annotation')} written to {out}, under the present names of labels.{left}")


@app.command()
def report(pair: Pair, timeframe: Timeframe, as_json: Json = False) -> None:
    """Say how many spans there are, how long, where they overlap, and where TA-Lib agrees."""
    from mllib.pipeline.annotation_reporting import annotation_report
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        found = annotation_report(ws, pair=pair, timeframe=timeframe)
    if as_json:
        print_json(asdict(found))
        return
    _print_report(found, f"{pair} {timeframe}")


def _print_report(found: "AnnotationReport", name: str) -> None:
    rows: list[tuple[object, ...]] = [
        (one.label, one.source, one.count, one.least_bars, f"{one.median_bars:g}", one.most_bars)
        for one in found.counts
    ]
    print_table(f"Spans of {name}", ("label", "source", "spans", "least bars", "median", "most"), rows)
    rows = [(one.label, one.other, one.pairs) for one in found.overlaps]
    print_table("People's spans that overlap", ("label", "label", "pairs"), rows)
    rows = [
        (one.label, one.spans, one.same, one.different, one.alone, _most(one.others))
        for one in found.agreement
    ]
    columns = ("people's label", "spans", "same label", "another", "none", "the others")
    print_table("TA-Lib's spans over the same bars (IoU at least 0.5)", columns, rows)
    rows = [(one.strategy, one.people, one.talib, one.people + one.talib) for one in found.strategies]
    print_table("What a merge strategy keeps", ("merge_strategy", "people's", "TA-Lib's", "in all"), rows)


def _most(others: dict[str, int], shown: int = 3) -> str:
    told = [f"{label} {count}" for label, count in list(others.items())[:shown]]
    return ", ".join(told) + (" …" if len(others) > shown else "")


def label(
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Symbol; may be repeated.")] = None,
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", help="1m 5m 15m 30m 1h 4h 1d 1w or 1mo.")
    ] = None,
    patterns: Annotated[str, typer.Option(help="CDL functions by comma, or all; default: configured.")] = "",
    cluster: OnCluster = None,
    as_json: Json = False,
) -> None:
    """Label series with TA-Lib's candlestick functions; without --pair all that are stored."""
    from mllib.pipeline.pattern_layers import label_many
    from mllib.pipeline.series_listing import named_series
    from mllib.pipeline.workspace import open_workspace

    functions = None if not patterns else [] if patterns == "all" else names_in(patterns)
    with open_workspace() as ws, engine_at(cluster) as engine, progress_bar("Labelling") as progress:
        series = named_series(ws, pair or [], timeframe)
        found = label_many(ws, series, functions=functions, engine=engine, progress=progress)
    if len(found) == 1:
        _show_layers(*next(iter(found.items())), as_json)
        return
    if as_json:
        print_json({f"{pair} {timeframe}": counts for (pair, timeframe), counts in found.items()})
        return
    rows = [(f"{pair} {timeframe}", sum(counts.values())) for (pair, timeframe), counts in found.items()]
    print_table("TA-Lib spans", ("series", "spans"), rows)


def _show_layers(series: tuple[str, str], counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json(counts)
        return
    print_table(f"TA-Lib spans of {' '.join(series)}", ("function", "spans"), list(counts.items()))


commands = (label,)
