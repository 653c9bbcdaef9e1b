"""`candleloop disagreements`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.cli.output import Json, Pair, Timeframe, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from collections.abc import Collection

    from mllib.disagreement import Summary
    from mllib.pipeline.disagreements import Disagreement
    from mllib.pipeline.workspace import Workspace
    from mllib.spans import Span

Between = Annotated[str, typer.Option(help="Two layers of human, talib and model, by comma.")]
Versions = Annotated[
    tuple[str, str] | None,
    typer.Option(help="Two versions or run ids instead: what the second changes against the first."),
]
Kinds = Annotated[
    str, typer.Option(help="By comma, such as boundary_mismatch; default: all that differs, bounds apart.")
]
Labels = Annotated[str, typer.Option(help="Labels of either span, by comma.")]
Start = Annotated[str | None, typer.Option("--start", help="First candle: ISO date or Unix seconds.")]
End = Annotated[str | None, typer.Option("--end", help="Last candle, inclusive.")]
LeastBars = Annotated[int, typer.Option(min=0, help="Boundary mismatches that are off by so many candles.")]
LeastConfidence = Annotated[float, typer.Option(min=0, max=1, help="Of the prediction, where there is one.")]
Limit = Annotated[int, typer.Option(min=1, help="So many are listed, the newest first.")]


def disagreements(  # noqa: PLR0913  # an argument an option
    pair: Pair,
    timeframe: Timeframe,
    between: Between = "human,model",
    versions: Versions = None,
    kinds: Kinds = "",
    labels: Labels = "",
    start: Start = None,
    end: End = None,
    least_bars: LeastBars = 0,
    least_confidence: LeastConfidence = 0.0,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Say where people, TA-Lib and models differ on a stored series, or what a version changes."""
    from mllib.pipeline.disagreements import Wanted, kinds_wanted, newest_first, summary, two_layers
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import parse_time

    wanted = Wanted(
        kinds=kinds_wanted(
            _names(kinds),
            versions=versions is not None,
            between=None if versions else two_layers(between),
        ),
        labels=_names(labels) or None,
        start_time=None if start is None else parse_time(start),
        end_time=None if end is None else parse_time(end, last=True),
        least_bars=least_bars,
        least_confidence=least_confidence,
    )
    with open_workspace() as ws:
        found, notes = _found(ws, pair, timeframe, between=between, versions=versions, labels=wanted.labels)
    title = f"{pair} {timeframe}: {f'{versions[1]} against {versions[0]}' if versions else between}"
    shown = newest_first(found, wanted, limit)
    if as_json:
        print_json(
            {
                "disagreements": [_plain(one) for one in shown],
                "summary": _counted(summary(found, wanted)),
                "notes": notes,
            }
        )
        return
    _show(title, shown, summary(found, wanted))
    for note in notes:
        say(note)


def _found(
    ws: "Workspace",
    pair: str,
    timeframe: str,
    *,
    between: str,
    versions: tuple[str, str] | None,
    labels: "Collection[str] | None",
) -> "tuple[list[Disagreement], list[str]]":
    """What differs, with notes on layers that say nothing."""
    from mllib.pipeline.disagreement_notes import check_labels, notes_on
    from mllib.pipeline.disagreements import series_changes, series_disagreements, two_layers
    from mllib.pipeline.predicting import StoredCandles
    from mllib.pipeline.promoting import find_run, find_version, load_run
    from mllib.pipeline.sweeps import swept
    from mllib.timeframes import parse_timeframe

    with progress_bar("Comparing") as progress:
        asked: Any = {"pair": pair, "timeframe": timeframe, "progress": progress}
        if versions is not None:
            before, after = (load_run(ws, find_version(ws, name)) for name in versions)
            found = series_changes(ws, StoredCandles(ws), (before, after), **asked)
            check_labels(ws, labels, found, of_models={*before.labels, *after.labels})
            return found, []
        layers = two_layers(between)
        model = load_run(ws, find_run(ws, None)) if "model" in layers else None
        stored = StoredCandles(ws)
        found = series_disagreements(ws, stored, model, between=layers, **asked)
    check_labels(ws, labels, found, of_models=() if model is None else model.labels)
    read = None if model is None else swept(ws, stored, model, pair=pair, timeframe=timeframe)
    history = stored.read(pair, parse_timeframe(timeframe))
    return found, notes_on(ws, history, layers, predicted=None if read is None else read.spans)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _plain(one: "Disagreement") -> dict[str, Any]:
    a, b = one.between
    return {
        "kind": one.kind,
        a: _plain_span(one.pair.a),
        b: _plain_span(one.pair.b),
        "iou": one.pair.iou,
        "start_bars": one.pair.start_bars,
        "end_bars": one.pair.end_bars,
        "verdict": one.verdict,
    }


def _plain_span(span: "Span | None") -> dict[str, Any] | None:
    names = ("label", "start_time", "end_time", "avg_confidence")
    return None if span is None else {name: getattr(span, name) for name in names if hasattr(span, name)}


def _counted(summary: "Summary") -> dict[str, Any]:
    counts = [
        {"label": label, "kind": kind, "count": n} for (label, kind), n in sorted(summary.counts.items())
    ]
    return {**asdict(summary), "counts": counts}


def _show(title: str, shown: "list[Disagreement]", summary: "Summary") -> None:
    from mllib.pipeline.disagreements import confidence_of
    from mllib.timeframes import iso_utc

    rows = [
        (
            one.kind,
            *("" if span is None else span.label for span in (one.pair.a, one.pair.b)),
            iso_utc(one.span.start_time),
            iso_utc(one.span.end_time),
            "" if one.pair.start_bars is None else f"{one.pair.start_bars:+d} / {one.pair.end_bars:+d}",
            None if (confidence := confidence_of(one)) is None else f"{confidence:.2f}",
        )
        for one in shown
    ]
    a, b = shown[0].between if shown else ("a", "b")
    print_table(title, ("kind", a, b, "from", "to", "start / end, candles", "confidence"), rows)
    kinds = sorted({kind for _, kind in summary.counts})
    table = [
        (label, *(summary.counts.get((label, kind), 0) for kind in kinds))
        for label in sorted({label for label, _ in summary.counts})
    ]
    print_table("How many", ("label", *kinds), table)
    if summary.agreement_rate is not None:
        say(f"They agree on {summary.agreement_rate:.1%} of what either says (label and place).")
    if summary.mean_iou is not None:
        say(
            f"Where the label is the same: mean IoU {summary.mean_iou:.3f}, bounds off by "
            f"{summary.median_boundary_bars:g} candles in the median."
        )


commands = (disagreements,)
