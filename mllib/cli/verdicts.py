"""`candleloop verdicts …` and `candleloop annotations agreement`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from mllib.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from mllib.agreement import Agreement, SharedPlace, Statement
    from mllib.pipeline.verdict_history import WeekScore

app = typer.Typer(help="What annotators said of predictions.", no_args_is_help=True)
_SHOWN = 20
"""So many differences are told one by one."""

OnePair = Annotated[str | None, typer.Option("--pair", help="Symbol; default: every series.")]
OneTimeframe = Annotated[str | None, typer.Option("--timeframe", help="1m 5m 15m 30m 1h 4h 1d 1w or 1mo.")]


def agreement(
    pair: OnePair = None,
    timeframe: OneTimeframe = None,
    between: Annotated[
        list[str] | None,
        typer.Option("--between", help="An annotator; name two or more for those alone."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how far annotators agree on places that both judged, and where they differ."""
    from mllib.pipeline.agreeing import annotator_agreement
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        found = annotator_agreement(ws, pair=pair, timeframe=timeframe, annotators=between or ())
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    if not found:
        say("No two annotators have judged the same place. Names go with verdicts: choose one in Review.")
        return
    for one in found:
        _print_agreement(one)


@app.command()
def adjudicate(
    right: Annotated[str, typer.Argument(help="The verdict that is right; ids stand in the differences.")],
    others: Annotated[list[str], typer.Argument(help="The verdicts that it shall stand for as well.")],
    annotator: Annotated[str | None, typer.Option("--annotator", help="Who decides.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="Why.")] = None,
    as_json: Json = False,
) -> None:
    """Let one verdict stand for others; theirs count no longer. `--json` has the id that takes it back."""
    from uuid import uuid4

    from mllib.pipeline.agreeing import adjudicate as decide
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        verdict, _ = decide(ws, right, others, client_id=uuid4().hex, annotator=annotator, note=note)
    if as_json:
        print_json({"id": verdict.id, "action": verdict.action, "settles": list(verdict.settles)})
        return
    say(f"{len(verdict.settles)} verdicts are settled: {verdict.action} {verdict.place.label}.")


@app.command()
def undo(
    verdict_id: Annotated[str, typer.Argument(help="The verdict's id.")],
    annotator: Annotated[str | None, typer.Option("--annotator", help="Who takes it back.")] = None,
) -> None:
    """Take a verdict back; what it settled counts again."""
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        ws.store.verdicts.retract(verdict_id, annotator)
    say(f"Verdict {verdict_id} is taken back.")


@app.command()
def history(pair: OnePair = None, timeframe: OneTimeframe = None, as_json: Json = False) -> None:
    """Say how good each model was week by week, from what people said of its predictions."""
    from mllib.pipeline.verdict_history import verdict_history
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        found = verdict_history(ws, pair=pair, timeframe=timeframe)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        say("No verdicts yet. Give some in Review, or send them to POST /feedback.")
        return
    columns = (
        *("week", "model", "slice", "verdicts", "hits", "false", "missed", "span F1 (95 %)"),
        *("right (95 %)", "confidence", "ECE"),
    )
    print_table("Verdicts by week; only the audit slice is drawn at random", columns, [*map(_week, found)])


def _week(one: "WeekScore") -> tuple[object, ...]:
    from mllib.timeframes import iso_utc

    return (
        iso_utc(one.week)[:10],
        "none" if one.model_version is None else f"v{one.model_version}",
        *(one.slice, one.verdicts, one.hits, one.false_alarms, one.misses),
        _between(one.span_f1, one.span_f1_interval),
        _between(one.confirmed, one.confirmed_interval),
        _figure(one.mean_confidence),
        _figure(one.ece),
    )


def _between(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return _figure(value)
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def _print_agreement(found: "Agreement") -> None:
    first, second = found.annotators
    in_all = (found.places, found.places, found.same, _figure(found.kappa), _figure(found.mean_iou))
    rows: list[tuple[object, ...]] = [
        (one.label, one.first, one.second, one.both, _figure(one.kappa), _figure(one.mean_iou))
        for one in found.labels
    ]
    rows.insert(0, ("any or none", *in_all))
    print_table(f"{first} and {second}", ("label", first, second, "both", "kappa", "mean IoU"), rows)
    if not found.differences:
        say(f"{first} and {second} differ nowhere; {found.settled} settled.")
        return
    columns = ("differ in", "series", "from", f"{first} says", f"{second} says", "verdicts")
    rows = [_difference(one) for one in found.differences[:_SHOWN]]
    print_table(f"{len(found.differences)} to settle, {found.settled} settled", columns, rows)
    if len(found.differences) > _SHOWN:
        say(f"… and {len(found.differences) - _SHOWN} more; --json lists all.")


def _difference(one: "SharedPlace") -> tuple[object, ...]:
    from mllib.timeframes import iso_utc

    a, b = one.first, one.second
    return (
        one.difference,
        f"{a.pair} {a.timeframe}",
        iso_utc(a.place.start_time),
        _said(a),
        _said(b),
        f"{a.verdict_id}\n{b.verdict_id}",
    )


def _said(one: "Statement") -> str:
    from mllib.spans import NOTHING
    from mllib.timeframes import iso_utc

    if one.said.label == NOTHING:
        return f"no {one.place.label}"
    return f"{one.said.label} to {iso_utc(one.said.end_time)}"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
