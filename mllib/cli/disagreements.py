"""`candleloop disagreements`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.cli.output import (
    Json,
    Limit,
    Pair,
    Timeframe,
    names_in,
    print_json,
    print_table,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mllib.disagreement import Summary
    from mllib.pipeline.disagreements import Disagreement
    from mllib.pipeline.span_layers import LayerName
    from mllib.pipeline.workspace import Workspace
    from mllib.spans import Span
    from mllib.store import Run

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

    layers = None if versions else two_layers(between)
    wanted = Wanted(
        kinds=kinds_wanted(names_in(kinds), versions=layers is None, between=layers),
        labels=names_in(labels) or None,
        start_time=None if start is None else parse_time(start),
        end_time=None if end is None else parse_time(end, last=True),
        least_bars=least_bars,
        least_confidence=least_confidence,
    )
    with open_workspace() as ws:
        runs = _runs(ws, layers, versions)
        found, notes = _found(ws, runs, layers, pair=pair, timeframe=timeframe, labels=wanted.labels)
    shown, counted = newest_first(found, wanted, limit), summary(found, wanted)
    if as_json:
        differences = [_plain(one) for one in shown]
        print_json({"disagreements": differences, "summary": counted.to_dict(), "notes": notes})
        return
    title = f"{pair} {timeframe}: {f'{versions[1]} against {versions[0]}' if versions else between}"
    _show(title, shown, counted)
    for note in notes:
        say(note)


def _runs(
    ws: "Workspace", layers: "Collection[LayerName] | None", versions: tuple[str, str] | None
) -> "list[Run]":
    """Those whose models are compared; the champion's where the layer `model` is."""
    from mllib.pipeline.promoting import find_run, find_version

    if versions is not None:
        return [find_version(ws, name) for name in versions]
    return [find_run(ws, None)] if layers is not None and "model" in layers else []


def _found(
    ws: "Workspace",
    runs: "Sequence[Run]",
    layers: "tuple[LayerName, LayerName] | None",
    *,
    pair: str,
    timeframe: str,
    labels: "Collection[str] | None",
) -> "tuple[list[Disagreement], list[str]]":
    """What two layers (None: the versions of two runs) say, with notes on layers that say nothing."""
    from mllib.pipeline.comparisons import sweep_all
    from mllib.pipeline.disagreement_notes import check_labels, notes_on
    from mllib.pipeline.disagreements import swept_disagreements, version_changes
    from mllib.pipeline.predicting import StoredCandles
    from mllib.timeframes import parse_timeframe

    stored, timeframe = StoredCandles(ws), parse_timeframe(timeframe)
    with progress_bar("Comparing") as progress:
        swept = sweep_all(ws, stored, runs, pair=pair, timeframe=timeframe, progress=progress)
    if layers is None:
        found, notes = version_changes(ws, *swept), []
    else:
        history, model = stored.read(pair, timeframe), next(iter(swept), None)
        found = swept_disagreements(ws, history, layers, model)
        notes = notes_on(ws, history, layers, predicted=None if model is None else model.spans)
    check_labels(ws, labels, found, of_models={label for one in swept for label in one.labels})
    return found, notes


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


def _show(title: str, shown: "list[Disagreement]", summary: "Summary") -> None:
    a, b = shown[0].between if shown else ("a", "b")
    columns = ("kind", a, b, "from", "to", "start / end, candles", "confidence")
    print_table(title, columns, [_row(one) for one in shown])
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


def _row(one: "Disagreement") -> tuple[object, ...]:
    from mllib.pipeline.disagreements import confidence_of
    from mllib.timeframes import iso_utc

    confidence, off = confidence_of(one), one.pair
    return (
        one.kind,
        *("" if span is None else span.label for span in (off.a, off.b)),
        iso_utc(one.span.start_time),
        iso_utc(one.span.end_time),
        "" if off.start_bars is None else f"{off.start_bars:+d} / {off.end_bars:+d}",
        None if confidence is None else f"{confidence:.2f}",
    )


commands = (disagreements,)
