"""`candleloop sweep`."""

from typing import Annotated

import typer

from mllib.cli.engines import OnCluster, engine_at
from mllib.cli.output import Json, print_json, print_table, progress_bar

Pairs = Annotated[
    list[str] | None,
    typer.Option("--pair", help="Symbol; may be repeated. By default all series of the model's timeframes."),
]


def sweep(
    pair: Pairs = None,
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="By default those stored.")] = None,
    run: Annotated[
        str | None, typer.Option("--run", help="Version or run id; default: the champion.")
    ] = None,
    cluster: OnCluster = None,
    as_json: Json = False,
) -> None:
    """Have a model read whole series, so that the queue and the chart find what it says."""
    from mllib.pipeline.predicting import StoredCandles
    from mllib.pipeline.promoting import find_run, find_version, load_run
    from mllib.pipeline.queue_sweeps import series_to_read
    from mllib.pipeline.series_listing import named_series
    from mllib.pipeline.series_sweeps import sweep_many
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws, engine_at(cluster) as engine, progress_bar("Reading") as progress:
        predictor = load_run(ws, find_run(ws, None) if run is None else find_version(ws, run))
        chosen = pair or timeframe
        series = named_series(ws, pair or [], timeframe) if chosen else series_to_read(ws, predictor)
        stored = StoredCandles(ws)
        found = [*sweep_many(ws, stored, predictor, series, engine=engine, progress=progress)]
    if as_json:
        print_json([one._asdict() for one in found])
        return
    rows = [(f"{one.pair} {one.timeframe}", one.candles, one.spans, one.note) for one in found]
    title = f"What version {predictor.info.model_version} says"
    print_table(title, ("series", "candles", "spans", "not read"), rows)


commands = (sweep,)
