"""`candleloop simulate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mllib.cli.models import overrides_of
from mllib.cli.output import Json, Pair, Settings, Timeframe, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from mllib.simulating import Comparison, Needed

Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy", help="random, margin, entropy, committee, probable or queue; may be repeated."
    ),
]


def simulate(  # noqa: PLR0913  # an argument an option
    pair: Pair,
    timeframe: Timeframe,
    strategy: Strategies = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often is retrained.")] = 12,
    per_round: Annotated[int, typer.Option(min=1, help="Places shown before each.")] = 20,
    seeds: Annotated[int, typer.Option(min=1, help="How often all is repeated.")] = 5,
    model: Annotated[str | None, typer.Option("--model", help="random_forest or xgboost.")] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="bio, window or combined.")] = None,
    labels: Annotated[str, typer.Option("--labels", help="Layers by comma: human, talib.")] = "human",
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Where the SVG goes; the home if not said.")
    ] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Replay a labelled series as a patient annotator: does the queue need fewer labels than chance?

    Without --strategy the queue is compared with random places.
    """
    from mllib.config import load_config
    from mllib.pipeline.runs import resolve_config
    from mllib.pipeline.simulating import Plan, write_picture
    from mllib.pipeline.simulating import simulate as replay
    from mllib.pipeline.workspace import open_workspace

    chosen = tuple(dict.fromkeys(["random", *(strategy or ["queue"])]))
    layers = [name.strip() for name in labels.split(",")]
    with open_workspace(config=load_config()) as ws:
        config = resolve_config(
            ws.config, model_type=model, encoder=encoder, layers=layers, overrides=overrides_of(settings)
        )
        with progress_bar("Simulating") as progress:
            found = replay(
                ws,
                pair=pair,
                timeframe=timeframe,
                config=config,
                plan=Plan(chosen, rounds, per_round, seeds),
                progress=progress,
            )
        where = plot or ws.home / "simulations" / f"{found.pair.replace('/', '-')}_{found.timeframe}.svg"
    write_picture(found, where)
    if as_json:
        print_json({**found.to_dict(), "plot": str(where)})
        return
    title = f"{found.pair} {found.timeframe}: {found.test_spans} later spans, {found.encoder}, {found.model}"
    print_table(title, ("labels", *chosen), _curve_rows(found.comparison))
    print_table(
        f"Labels to reach span F1 {found.comparison.target:.3f}", _HEADS, _cost_rows(found.comparison)
    )
    all_labels = found.comparison.all_labels
    say(f"All labels of {found.pool_candles} candles: span F1 {all_labels:.3f}. Plot: {where}")


_HEADS = ("strategy", "labels", "95 % of draws of seeds", "share of random", "95 % of draws of seeds")


def _curve_rows(found: "Comparison") -> list[list[str]]:
    """Labels spent, and span F1 with its interval by strategy."""
    longest = max(found.curves.values(), key=len)
    rows = []
    for i, point in enumerate(longest):
        cells = [
            f"{curve[i]['span_f1']:.3f} ({curve[i]['low']:.2f}–{curve[i]['high']:.2f})"
            if i < len(curve)
            else ""
            for curve in found.curves.values()
        ]
        rows.append([f"{point['spent']:.0f}", *cells])
    return rows


def _cost_rows(found: "Comparison") -> list[list[str]]:
    return [
        [name, *_words(found.needed[name], 0), *_words(found.against_random[name], 2)]
        for name in found.needed
    ]


def _words(needed: "Needed", digits: int) -> list[str]:
    """The figure and its interval; `more` than were spent."""
    figure, low, high = (
        "more" if value is None else f"{value:.{digits}f}"
        for value in (needed.labels, needed.low, needed.high)
    )
    return [figure, "more" if low == high == "more" else f"{low} to {high}"]


commands = (simulate,)
