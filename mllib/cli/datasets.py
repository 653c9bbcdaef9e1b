"""`candleloop dataset …` and `candleloop stage`, which `dvc repro` calls."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mllib.cli.engines import OnCluster, engine_at
from mllib.cli.output import Json, Settings, names_in, print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from mllib.datasets.builds import Build
    from mllib.datasets.comparing import Difference

app = typer.Typer(help="Datasets: build, compare, push and restore them.", no_args_is_help=True)
Name = Annotated[str | None, typer.Argument(help="Version, its first digits, or a run id.")]


@app.command()
def build(
    pair: Annotated[list[str] | None, typer.Option("--pair", help="Symbol; may be repeated.")] = None,
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="One for all pairs.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="Layers by comma: human, talib.")] = None,
    settings: Settings = None,
    cluster: OnCluster = None,
    as_json: Json = False,
) -> None:
    """Build the labelled dataset of stored candles and annotations as they are now."""
    from mllib.config import parse_override
    from mllib.pipeline.datasets import build_dataset, describe_dataset
    from mllib.pipeline.runs import resolve_config
    from mllib.pipeline.workspace import open_workspace

    overrides = dict(parse_override(text) for text in settings or [])
    layers = None if labels is None else names_in(labels)
    with open_workspace() as ws, engine_at(cluster) as engine:
        config = resolve_config(ws.config, layers=layers, overrides=overrides)
        dataset = build_dataset(ws, config, pairs=pair or [], timeframe=timeframe, engine=engine)
        described = describe_dataset(ws, dataset.version)
    _show(described, as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the builds, newest first."""
    from dataclasses import asdict

    from mllib.datasets.builds import list_builds
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        builds = list_builds(ws.datasets)
    if as_json:
        print_json([asdict(one) for one in builds])
        return
    print_table("Datasets", ("version", "built", "by", "run", "candles", "spans"), [*map(_row, builds)])


def _row(one: "Build") -> tuple[object, ...]:
    from mllib.timeframes import iso_utc

    candles = ", ".join(f"{name}: {bars}" for name, bars in one.series.items())
    spans = sum(n for sources in one.spans.values() for n in sources.values())
    return one.version, iso_utc(one.built_at), one.made_by, one.run_id, candles, spans


@app.command()
def info(name: Name = None, as_json: Json = False) -> None:
    """Show what is in a dataset, by default in the newest one."""
    from mllib.pipeline.datasets import describe_dataset
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        described = describe_dataset(ws, name)
    _show(described, as_json)


def _show(described: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(described)
        return
    rows = [(count["label"], count["source"], count["count"]) for count in described["counts"]]
    print_table(f"Dataset {described['version']}", ("label", "source", "spans"), rows)
    say(f"{described['row_count']} candles in {described['path']}")


@app.command()
def diff(
    old: Annotated[str | None, typer.Argument(help="Version or run; default: the build before.")] = None,
    new: Annotated[str | None, typer.Argument(help="Version or run; default: the newest build.")] = None,
    as_json: Json = False,
) -> None:
    """Show what changed between two datasets, by label and source."""
    from mllib.pipeline.datasets import compare_datasets
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        found = compare_datasets(ws, old, new)
    rows = _changes(found)
    if as_json:
        print_json([dict(zip(_CHANGE_COLUMNS, row, strict=True)) for row in rows])
        return
    print_table("Changes", _CHANGE_COLUMNS, rows)
    if found.is_none:
        say("Nothing has changed.")


_CHANGE_COLUMNS = ("what", "of", "added", "removed", "changed", "unchanged")


def _changes(found: "Difference") -> list[tuple[object, ...]]:
    parts = [("spans", f"{label}, {source}", change) for (label, source), change in found.spans.items()]
    parts += [("candles", name, change) for name, change in found.candles.items()]
    parts += [("reviewed ranges", name, change) for name, change in found.reviewed.items()]
    return [(what, of, c.added, c.removed, c.changed, c.unchanged) for what, of, c in parts]


@app.command()
def push(
    names: Annotated[list[str] | None, typer.Argument(help="Versions or runs; default: all.")] = None,
    as_json: Json = False,
) -> None:
    """Copy datasets to the DVC remote: `data.remote`, by default `dvc-remote` in `CANDLELOOP_HOME`."""
    from mllib.pipeline.datasets import push_datasets
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        pushed = push_datasets(ws, names or [])
        remote = ws.dataset_remote
    if as_json:
        print_json({"remote": remote, "versions": pushed})
        return
    for version in pushed:
        say(f"{version} is in {remote}.")


@app.command()
def retrain(
    name: Annotated[str, typer.Argument(help="Version, its first digits, or a run id.")],
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Train again on a dataset; for a run's, with the configuration of that run, so with the same figures."""
    from mllib.cli.models import show_run
    from mllib.config import parse_override
    from mllib.pipeline.datasets import config_of, restore_dataset
    from mllib.pipeline.runs import execute_run, request_training_on, resolve_config
    from mllib.pipeline.workspace import open_workspace

    overrides = dict(parse_override(text) for text in settings or [])
    with open_workspace() as ws:
        dataset = restore_dataset(ws, name)
        config = resolve_config(config_of(ws, name), overrides=overrides)
        run = request_training_on(ws, dataset, config=config)
        with progress_bar(f"Training {run.run_id}") as progress:
            run = execute_run(ws, run.run_id, progress=progress)
    show_run(run, as_json)


@app.command()
def restore(
    name: Annotated[str, typer.Argument(help="Version, its first digits, or a run id.")],
    as_json: Json = False,
) -> None:
    """Bring back the dataset of a run, from the remote where it is not here."""
    from mllib.pipeline.datasets import restore_dataset
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        dataset = restore_dataset(ws, name)
    if as_json:
        print_json({"version": dataset.version, "path": str(dataset.folder)})
        return
    say(f"{dataset.version} is in {dataset.folder}.")


def stage(
    name: Annotated[str, typer.Argument(help="annotations, features, labels, train or evaluate.")],
) -> None:
    """Carry out one stage of `dvc.yaml`, in the folder that it lies in."""
    from mllib.pipeline.stages import run_stage
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws, progress_bar(f"Stage {name}") as progress:
        run_stage(ws, name, progress=progress)


commands = (stage,)
