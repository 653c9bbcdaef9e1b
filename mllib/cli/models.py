"""`candleloop train evaluate predict runs`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.amounts import count
from mllib.cli.engines import TrainsOnCluster, engine_at
from mllib.cli.output import (
    Json,
    Limit,
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
    from mllib.config import Config
    from mllib.pipeline.workspace import Workspace
    from mllib.store import Run

RunId = Annotated[str | None, typer.Option("--run", help="Run id; the champion's run by default.")]
Start = Annotated[str | None, typer.Option("--start", help="First candle: ISO date or Unix seconds.")]
End = Annotated[str | None, typer.Option("--end", help="Last candle, inclusive.")]


def train(  # noqa: PLR0913  # an argument an option
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Symbol, or all; may be repeated.")] = None,
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="One for all pairs.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="xgboost, random_forest, gru, lstm or transformer.")
    ] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="bio, window or combined.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="Layers by comma: human, talib.")] = None,
    settings: Settings = None,
    detach: Annotated[bool, typer.Option("--detach", help="Hand the run to the worker and return.")] = False,
    cluster: TrainsOnCluster = None,
    as_json: Json = False,
) -> None:
    """Train a model on stored, labelled candles; what is not said comes from the configuration."""
    from mllib.config import load_config
    from mllib.pipeline.runs import request_training, resolve_config
    from mllib.pipeline.series_listing import named_series
    from mllib.pipeline.workspace import open_workspace

    overrides = overrides_of(settings)
    layers = None if labels is None else names_in(labels)
    with open_workspace(config=load_config()) as ws:
        config = resolve_config(
            ws.config, model_type=model, encoder=encoder, layers=layers, overrides=overrides
        )
        asked = timeframe or config.pipeline.timeframe
        pairs = [one for one, _ in named_series(ws, [], asked)] if pair == ["all"] else pair or []
        if detach:
            from mllib.jobs import enqueue_run

            run = request_training(ws, pairs=pairs, timeframe=asked, config=config)
            enqueue_run(ws, run)
        else:
            run = _trained(ws, pairs, asked, config, cluster)
        promoted = config.stages.training.auto_promote
    show_run(run, as_json)
    if not detach:
        say(what_serves(run, promoted))


def _trained(
    ws: "Workspace", pairs: list[str], timeframe: str, config: "Config", cluster: str | None
) -> "Run":
    from mllib.pipeline.runs import execute_run, request_training
    from mllib.pipeline.spread_training import spread_training

    if cluster:
        spread_training(ws, config, [(pair, timeframe) for pair in pairs])  # refused before a process starts
    with engine_at(cluster) as engine:
        run = request_training(ws, pairs=pairs, timeframe=timeframe, config=config)
        with progress_bar(f"Training {run.run_id}") as progress:
            return execute_run(ws, run.run_id, progress=progress, engine=engine)


def evaluate(
    pair: Pair,
    timeframe: Timeframe,
    run: RunId = None,
    labels: Annotated[str, typer.Option("--labels", help="Layers or label names, by comma.")] = "",
    start: Start = None,
    end: End = None,
    as_json: Json = False,
) -> None:
    """Compare a run's predictions on stored candles with the stored annotations."""
    from mllib.pipeline.evaluating import evaluate_run
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import parse_time

    with open_workspace() as ws:
        metrics = evaluate_run(
            ws,
            run_id=run,
            pair=pair,
            timeframe=timeframe,
            labels=names_in(labels),
            start_time=None if start is None else parse_time(start),
            end_time=None if end is None else parse_time(end, last=True),
        )
    if as_json:
        print_json(metrics)
    else:
        _show_metrics(metrics, f"Run {metrics['run_id']} on {pair} {timeframe}")


def predict(
    pair: Pair,
    timeframe: Timeframe,
    run: RunId = None,
    start: Start = None,
    end: End = None,
    as_json: Json = False,
) -> None:
    """Predict spans on stored candles."""
    from dataclasses import asdict

    from mllib.pipeline.predicting import StoredCandles, predict_stored
    from mllib.pipeline.promoting import find_run, load_run
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc, parse_time

    with open_workspace() as ws:
        predictor = load_run(ws, find_run(ws, run))
        found = predict_stored(
            predictor,
            StoredCandles(ws),
            pair=pair,
            timeframe=timeframe,
            start_time=None if start is None else parse_time(start),
            end_time=None if end is None else parse_time(end, last=True),
        )
    if as_json:
        print_json(found.to_dict() | {"model_info": asdict(predictor.info)})
        return
    rows = [
        (s.label, iso_utc(s.start_time), iso_utc(s.end_time), s.candle_count, f"{s.avg_confidence:.2f}")
        for s in found.spans
    ]
    print_table(f"{pair} {timeframe}", ("label", "from", "to", "candles", "confidence"), rows)


def runs(as_json: Json = False, limit: Limit = 20) -> None:
    """List training runs, newest first."""
    from dataclasses import asdict

    from mllib.pipeline.run_watch import clear_abandoned
    from mllib.pipeline.workspace import open_workspace
    from mllib.timeframes import iso_utc

    with open_workspace() as ws:
        clear_abandoned(ws)
        found = ws.store.runs.list(limit)
        champion = ws.store.champions.current(ws.config.served_model_name)
    if as_json:
        print_json([asdict(run) for run in found])
        return
    rows = [
        (
            run.run_id + (" *" if champion is not None and champion.run_id == run.run_id else ""),
            run.model_type,
            run.status if run.status != "running" else _how_far(run),
            run.model_version,
            ", ".join(run.request["pairs"]),
            iso_utc(run.created_at),
            run.asked_by,
            f"{run.metrics['span_f1']['0.5']['micro']:.3f}" if run.metrics else run.error,
        )
        for run in found
    ]
    names = (
        "run (* champion)",
        "model",
        "status",
        "version",
        "pairs",
        "started",
        "asked by",
        "span F1@0.5 or reason",
    )
    print_table("Runs", names, rows)


def log(run_id: Annotated[str, typer.Argument(help="Run that has begun.")]) -> None:
    """Print what a training run had to say; times are UTC."""
    from mllib.pipeline.run_log import read_log
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        print(read_log(ws, run_id), end="")


def _how_far(run: "Run") -> str:
    """How much of a running run is done, and how long it will take if it goes on as it did."""
    import time

    from mllib.cli.output import duration
    from mllib.pipeline.overview import time_left_s

    left = time_left_s(run, now=time.time())
    return f"running {run.progress:.0%}" + ("" if left is None else f", about {duration(left)} left")


def overrides_of(settings: list[str] | None) -> dict[str, Any]:
    """The configuration keys that `--set` gives, with their values."""
    from mllib.config import parse_override

    return dict(parse_override(text) for text in settings or [])


def what_serves(run: "Run", promoted: bool) -> str:
    """A sentence on which model serves after a run has ended."""
    if run.status == "rejected":
        return (
            f"The gate refused it, and the champion stays: {run.error} "
            f'`candleloop promote {run.run_id} --over "REASON"` would make it serve all the same.'
        )
    if promoted:
        return f"Version {run.model_version} is the champion now (stages.training.auto_promote is true)."
    return f"The champion stays. `candleloop promote {run.run_id}` would make this version serve."


def show_run(run: "Run", as_json: bool) -> None:
    """Prints a run and the metrics of its test block."""
    version = None if run.model_version is None else str(run.model_version)
    if as_json:
        print_json(
            {"run_id": run.run_id, "status": run.status, "model_version": version, "metrics": run.metrics}
        )
        return
    if run.metrics is None:
        say(f"Run {run.run_id} is {run.status}. Follow it with `candleloop runs`.")
        return
    named = run.status if version is None else f"version {version}"
    _show_metrics(run.metrics, f"Run {run.run_id}, {named}: test block")


def _show_metrics(metrics: dict[str, Any], title: str) -> None:
    rows = [
        (
            label,
            counts["true"],
            counts["predicted"],
            *(f"{counts[k]:.3f}" for k in ("precision", "recall", "f1_score")),
        )
        for label, counts in metrics["span_counts"].items()
    ]
    print_table(
        f"{title}, spans at IoU 0.5", ("label", "true", "predicted", "precision", "recall", "F1"), rows
    )
    scores, baseline = metrics["span_f1"]["0.5"], metrics["baseline"]["majority"]
    say(f"Span F1 micro {scores['micro']:.3f}, macro {scores['macro']:.3f} (majority class: 0).")
    between = metrics["intervals"].get("span_f1", {}).get("micro")
    if between is not None:
        say("With 95 % of draws of blocks of time the micro F1 lies from {:.3f} to {:.3f}.".format(*between))
    say(f"Accuracy per candle {metrics['accuracy']:.3f} (majority: {baseline['accuracy']:.3f}).")
    champion = metrics["baseline"]["champion"]
    rivals = {
        "TA-Lib's rules": metrics["baseline"]["talib"],
        "the champion": champion,
        "the champion where TA-Lib has no function": champion.get("people", {}),
    }
    for name, beside in rivals.items():
        if "labels" in beside:
            over = f"Beside {name}, over {count(len(beside['labels']), 'label')}"
            say(f"{over}: span F1 {beside['own_span_f1']:.3f} to {beside['span_f1']:.3f}.")
    if lost := champion.get("labels_lost"):
        say(f"The champion knew labels that this model does not know: {', '.join(lost)}.")
    for warning in metrics.get("warnings", ()):
        say(warning)
    for reason in metrics.get("left_out", {}).values():
        say(f"Left out, there is too little to learn from: {reason}.")
    if drift := metrics.get("input_drift"):
        name, most = max(drift.items(), key=lambda item: item[1])
        say(f"Candles beside those of training: PSI at most {most:.3f} ({name}; 0.1 is little, 0.25 much).")
    if metrics.get("in_sample"):
        say(f"In sample: the model has seen {metrics['in_sample_candles']} of these candles.")


commands = (train, evaluate, predict, runs, log)
