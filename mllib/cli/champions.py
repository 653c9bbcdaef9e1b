"""`candleloop promote rollback cancel card explain`: what serves, and why one may trust it."""

from pathlib import Path
from typing import Annotated

import typer

from mllib.cli.models import RunId
from mllib.cli.output import Json, Pair, Timeframe, print_json, print_table, say


def promote(
    run_id: Annotated[str, typer.Argument(help="Run whose model becomes the champion.")],
    reason: Annotated[str | None, typer.Option(help="Kept with the move.")] = None,
    over: Annotated[
        str | None,
        typer.Option(help="Why a run that the gate refused serves all the same; kept with the move."),
    ] = None,
) -> None:
    """Make a run's model the champion; every serving process follows within seconds."""
    from mllib.pipeline.mirroring import mirror_champion
    from mllib.pipeline.promoting import promote as promote_run
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        run = promote_run(ws, run_id, moved_by="promote", reason=reason, over=over)
        mirror_champion(ws)
    say(f"Champion of {run.registered_model_name}: run {run_id}, version {run.model_version}.")


def rollback(
    name: Annotated[
        str | None, typer.Option(help="Registered model name; the served one by default.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Kept with the move.")] = None,
) -> None:
    """Make the model that served before the champion the champion again."""
    from mllib.pipeline.mirroring import mirror_champion
    from mllib.pipeline.promoting import rollback as roll_back
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        run = roll_back(ws, name=name, reason=reason)
        mirror_champion(ws)
    say(f"Champion of {run.registered_model_name}: back to run {run.run_id}, version {run.model_version}.")


def cancel(run_id: Annotated[str, typer.Argument(help="Run that is queued or running.")]) -> None:
    """End a run that is under way; whoever trains it stops at its next step."""
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        ws.store.runs.cancel(run_id, reason="Cancelled from the command line.")
    say(f"Run {run_id} is cancelled.")


def card(
    run_id: Annotated[str | None, typer.Argument(help="Run; the champion's by default.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write it there with its plots, as one HTML file.")
    ] = None,
) -> None:
    """Print a model's card: what it was made from, how good it is, and where not to trust it."""
    from mllib.pipeline.reporting import card_html, card_markdown
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        if html is None:
            print(card_markdown(ws, run_id), end="")
        else:
            html.write_text(card_html(ws, run_id), encoding="utf-8")
            say(f"Written to {html}.")


def explain(
    pair: Pair,
    timeframe: Timeframe,
    at: Annotated[str, typer.Option("--at", help="A candle of the span: ISO date or Unix seconds.")],
    label: Annotated[str | None, typer.Option("--label", help="Whose span; any by default.")] = None,
    run: RunId = None,
    as_json: Json = False,
) -> None:
    """Say what moved a predicted span's score most."""
    from mllib.pipeline.explaining import explain_span
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc, parse_time

    with open_workspace() as ws:
        found = explain_span(ws, run_id=run, pair=pair, timeframe=timeframe, at=parse_time(at), label=label)
    if as_json:
        print_json(found.to_dict())
        return
    span = found.span
    title = (
        f"{span.label}, {iso_utc(span.start_time)} to {iso_utc(span.end_time)}, "
        f"confidence {span.avg_confidence:.2f}"
    )
    rows = [
        ("for" if reason.weight > 0 else "against", f"{reason.share:.0%}", reason.words)
        for reason in found.reasons
    ]
    print_table(title, ("", "share", "what moved the score"), rows)


commands = (promote, rollback, cancel, card, explain)
