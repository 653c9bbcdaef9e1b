"""`candleloop tune`."""

import re
from typing import Annotated

import typer

from mllib.cli.engines import OnCluster, engine_at
from mllib.cli.models import overrides_of, show_run, what_serves
from mllib.cli.output import Json, Settings, print_json, print_table, progress_bar, say
from mllib.errors import InvalidConfig

_SECONDS = {"s": 1, "m": 60, "h": 3_600}


def tune(  # noqa: PLR0913  # an argument an option
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Symbol; may be repeated.")] = None,
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="One for all pairs.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="xgboost, random_forest, gru, lstm or transformer.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials; 20 without a time.")] = None,
    time_budget: Annotated[str | None, typer.Option(help="How long, such as 90s, 10m or 2h.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Train with the best ones at the end.")] = False,
    settings: Settings = None,
    cluster: OnCluster = None,
    as_json: Json = False,
) -> None:
    """Search for hyperparameters; Ctrl-C keeps what was found, and the same command goes on from there."""
    from mllib.pipeline.runs import execute_run, request_training, resolve_config
    from mllib.pipeline.tuning import tune as search
    from mllib.pipeline.workspace import open_workspace

    budget_s = None if time_budget is None else seconds_of(time_budget)
    count = 20 if trials is None and budget_s is None else trials
    with open_workspace() as ws, engine_at(cluster) as engine:
        config = resolve_config(ws.config, model_type=model, overrides=overrides_of(settings))
        with progress_bar("Tuning") as progress:
            found = search(
                ws,
                pairs=pair or [],
                timeframe=timeframe,
                config=config,
                trials=count,
                time_budget_s=budget_s,
                progress=progress,
                engine=engine,
            )
        run = None
        if train and not found.interrupted:
            best = resolve_config(config, overrides=found.overrides)
            run = request_training(ws, pairs=pair or [], timeframe=timeframe, config=best)
            with progress_bar(f"Training {run.run_id}") as progress:
                run = execute_run(ws, run.run_id, progress=progress)
    if as_json:
        named = {"study": found.study, "score": found.score, "overrides": found.overrides}
        print_json(named | {"trials": found.trials, "run_id": None if run is None else run.run_id})
        return
    rows = [
        (one["number"] + 1, one["state"], "" if one["score"] is None else f"{one['score']:.3f}")
        for one in found.trials
    ]
    print_table(f"Study {found.study}", ("trial", "state", "span F1, walk-forward"), rows)
    say(f"Best so far: {found.score:.3f}. Train with it:")
    print(" ".join(f"--set {key}={value}" for key, value in found.overrides.items()))
    if run is not None:
        show_run(run, as_json=False)
        say(what_serves(run, config.stages.training.auto_promote))


def seconds_of(text: str) -> float:
    """A time such as `90s`, `10m` or `2h`, in seconds.

    >>> seconds_of("10m"), seconds_of("1.5h")
    (600.0, 5400.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None or not float(found[1]):
        raise InvalidConfig(f"time budget: found {text!r}, expected such as 90s, 10m or 2h. Write a unit.")
    return float(found[1]) * _SECONDS[found[2]]


commands = (tune,)
