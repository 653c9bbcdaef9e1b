"""Use case: let go of models and kept predictions that nobody will ask for, as `retention` says.

What people said and the ledger's lines always stay. A model that was pruned can be trained again on its
dataset, and MLflow keeps its own copy until `mlflow gc`.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from mllib.pipeline.model_folders import forget_model, remove_whole
from mllib.pipeline.promoting import served_before
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.store import Run

_GOES_BACK_TO = 3
"""So many of those that served last stay, the champion among them, so that a rollback has somewhere to go."""
_DAY_S = 86_400
_UNDER_WAY = ("queued", "running")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """A model of a run, or its kept predictions over one series, and why nobody needs it."""

    kind: Literal["model", "predictions"]
    run_id: str
    what: str
    why: str
    paths: tuple[Path, ...]
    size_bytes: int


def plan_pruning(ws: Workspace, *, now: float) -> list[Removal]:
    """What `prune` would remove at `now` (Unix s): models first, each with its predictions."""
    runs = ws.store.runs.list(with_metrics=False)
    models = list(_models_to_go(ws, runs, now=now))
    gone = {removal.run_id for removal in models}
    return [*models, *_predictions_to_go(ws, runs, gone, now=now)]


def prune(ws: Workspace, removals: Sequence[Removal], *, progress: Progress) -> int:
    """Removes what was planned; the bytes freed. A model that serves by now stays.

    The ledger is told first: a stop in between leaves a folder that the next pruning removes.
    """
    freed = 0
    for done, removal in enumerate(removals):
        progress(done / len(removals), removal.what)
        if removal.kind == "model" and not ws.store.champions.let_go(removal.run_id):
            log.warning("%s serves by now and stays", removal.what)
            continue
        if removal.kind == "model":
            forget_model(ws, removal.run_id)
        for path in removal.paths:
            remove_whole(path)
        freed += removal.size_bytes
    return freed


def _models_to_go(ws: Workspace, runs: Sequence[Run], *, now: float) -> Iterator[Removal]:
    rule, kept = ws.config.retention, _kept(ws, runs)
    folders = (ws.predictors, ws.home / "reports", ws.sweeps)
    for run in runs:
        if run.run_id in kept or run.status in _UNDER_WAY:
            continue
        if run.predictor_path is not None and _ended_at(run) > now - rule.model_days * _DAY_S:
            continue
        paths = tuple(path for folder in folders if (path := folder / run.run_id).is_dir())
        if paths or run.predictor_path is not None:
            old = f"older than {rule.model_days:g} days and not among the {rule.models} newest"
            why = f"left by a run that ended as {run.status}" if run.predictor_path is None else old
            yield Removal("model", run.run_id, _named(run), why, paths, _size(paths))


def _named(run: Run) -> str:
    version = f"v{run.model_version}" if run.model_version is not None else f"run {run.run_id}"
    return f"{run.registered_model_name} {version}"


def _ended_at(run: Run) -> int:
    return run.completed_at or run.created_at


def _kept(ws: Workspace, runs: Sequence[Run]) -> set[str]:
    """The runs whose model stays whatever its age: the newest of each name, and those that served last."""
    with_model = sorted(
        (run for run in runs if run.predictor_path is not None), key=lambda run: run.registered_model_name
    )
    kept: set[str] = set()
    for name, of_name in groupby(with_model, key=lambda run: run.registered_model_name):
        newest = sorted(of_name, key=lambda run: -run.created_at)[: ws.config.retention.models]
        kept |= {run.run_id for run in newest}
        kept |= set(served_before(ws.store.champions.history(name))[-_GOES_BACK_TO:])
    return kept


def _predictions_to_go(
    ws: Workspace, runs: Sequence[Run], gone: Iterable[str], *, now: float
) -> Iterator[Removal]:
    """Kept predictions that were not used for long; those of removed models go with them."""
    days, gone = ws.config.retention.prediction_days, set(gone)
    names = {run.run_id: _named(run) for run in runs}
    for file in sorted(ws.sweeps.glob("*/*.npz")):
        run_id = file.parent.name
        if run_id not in gone and file.stat().st_mtime < now - days * _DAY_S:
            what = f"{names.get(run_id, run_id)}, {unquote(file.stem).replace('_', ' ')}"
            why = f"not used for {days:g} days"
            yield Removal("predictions", run_id, what, why, (file,), file.stat().st_size)


def _size(paths: Iterable[Path]) -> int:
    return sum(file.lstat().st_size for path in paths for file in path.rglob("*") if file.is_file())
