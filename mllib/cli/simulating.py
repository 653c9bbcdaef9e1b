"""`candleloop simulate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mllib.cli.engines import OnCluster, engine_at
from mllib.cli.models import overrides_of
from mllib.cli.output import (
    Json,
    Pair,
    Settings,
    Timeframe,
    names_in,
    print_json,
    print_table,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from mllib.pipeline.simulating import Simulation

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
    model: Annotated[
        str | None, typer.Option("--model", help="xgboost, random_forest, gru, lstm or transformer.")
    ] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="bio, window or combined.")] = None,
    labels: Annotated[str, typer.Option("--labels", help="Layers by comma: human, talib.")] = "human",
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Where the SVG goes; the home if not said.")
    ] = None,
    settings: Settings = None,
    cluster: OnCluster = None,
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
    with (
        open_workspace(config=load_config()) as ws,
        engine_at(cluster) as engine,
        progress_bar("Simulating") as progress,
    ):
        config = resolve_config(
            ws.config,
            model_type=model,
            encoder=encoder,
            layers=names_in(labels),
            overrides=overrides_of(settings),
        )
        plan = Plan(chosen, rounds, per_round, seeds)
        asked = {"pair": pair, "timeframe": timeframe}
        found = replay(ws, **asked, config=config, plan=plan, progress=progress, engine=engine)
    where = plot or ws.home / "simulations" / f"{found.pair.replace('/', '-')}_{found.timeframe}.svg"
    write_picture(found, where)
    _show(found, where, as_json)


def _show(found: "Simulation", plot: Path, as_json: bool) -> None:
    from mllib.simulating import cost_table, curve_table

    if as_json:
        print_json({**found.to_dict(), "plot": str(plot)})
        return
    comparison = found.comparison
    title = f"{found.pair} {found.timeframe}: {found.test_spans} later spans, {found.encoder}, {found.model}"
    print_table(title, *curve_table(comparison))
    title = f"Labels to reach span F1 {comparison.target:.3f}; intervals are 95 % of draws of seeds"
    print_table(title, *cost_table(comparison))
    all_labels = f"All labels of {found.pool_candles} candles: span F1 {comparison.all_labels:.3f}."
    say(f"{all_labels} Plot: {plot}")


commands = (simulate,)
