"""Use cases about training runs: ask for one, carry it out, evaluate it, promote it."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mllib.config import Config, parse_config, with_value
from mllib.encoders import encoder_class
from mllib.errors import CandleloopError, Conflict, InvalidConfig, NotFound
from mllib.inference import Predictor
from mllib.models import Progress, create_model
from mllib.pipeline.mirroring import mirror_champion
from mllib.pipeline.workspace import Workspace
from mllib.store import MovedBy, Run
from mllib.timeframes import parse_timeframe
from mllib.training import train

if TYPE_CHECKING:
    from mllib.pipeline.datasets import Dataset

SILENT_FOR_S = 20.0
"""A running run whose heart has not beaten for so long is taken for dead."""

_BEAT_EVERY_S = 3.0
_REPORT_EVERY_S = 0.5
_TRAINING = "stages.training"
_INGESTION = "stages.annotation_ingestion"

log = logging.getLogger(__name__)


def resolve_config(
    config: Config,
    *,
    model_type: str | None = None,
    encoder: str | None = None,
    layers: Sequence[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of one run; hyperparameters of another model type are left behind.

    Raises:
        InvalidConfig: for an unknown key, model, encoder, layer or hyperparameter.
    """
    values: dict[str, Any] = config.model_dump(mode="json")
    given = dict(overrides or {})
    if model_type is not None:
        given[f"{_TRAINING}.model_type"] = model_type
    before = config.stages.training.model_type
    if given.get(f"{_TRAINING}.model_type", before) != before:
        values = with_value(values, f"{_TRAINING}.hyperparameters", {})
    for key, value in given.items():
        values = with_value(values, key, value)
    if encoder is not None:
        values = with_value(values, f"{_INGESTION}.label_encoding", encoder)
    if layers is not None:
        values = with_value(values, f"{_INGESTION}.layers", list(layers))
    resolved = parse_config(values, where="run")
    training = resolved.stages.training
    _refuse_what_is_not_there_yet(resolved)
    encoder_class(resolved.stages.annotation_ingestion.label_encoding)
    create_model(training.model_type, training.hyperparameters, seed=training.seed)
    return resolved


def _refuse_what_is_not_there_yet(config: Config) -> None:
    """Raises InvalidConfig for keys that load but that no stage of this version would heed."""
    features, ingestion = config.stages.feature_engineering, config.stages.annotation_ingestion
    heeded = {
        f"{_TRAINING}.enabled": (config.stages.training.enabled, True),
        f"{_INGESTION}.enabled": (ingestion.enabled, True),
        f"{_INGESTION}.source": (ingestion.source, "span"),
        f"{_INGESTION}.context_padding": (ingestion.context_padding, 0),
        "stages.feature_engineering.enabled": (features.enabled, True),
        "stages.feature_engineering.custom_features": (list(features.custom_features), []),
    }
    for key, (found, expected) in heeded.items():
        if found != expected:
            raise InvalidConfig(
                f"run: {key}: found {found!r}, expected {expected!r}: this version trains in no other way. "
                "Set it back."
            )


def request_training(
    ws: Workspace,
    *,
    pairs: Sequence[str],
    timeframe: str | None = None,
    config: Config,
    dataset: Mapping[str, str] | None = None,
) -> Run:
    """A queued run over one or more stored series, with its whole configuration written down.

    With a `dataset` it trains on that one, as it lies in the home, and not on what is stored now: its
    `data_version`, and where `dvc repro` asks the text of its `dvc_lock`.

    Raises:
        NotFound: a series is not stored.
        Conflict: another run is active; `active_id` names it.
    """
    chosen = list(dict.fromkeys(pairs)) or [config.pipeline.pair]
    canonical = parse_timeframe(timeframe or config.pipeline.timeframe)
    for pair in chosen if dataset is None else ():
        ws.candles.version(pair, canonical)
    clear_abandoned(ws)
    return ws.store.runs.enqueue(
        model_type=config.stages.training.model_type,
        encoder=config.stages.annotation_ingestion.label_encoding,
        registered_model_name=config.stages.training.registered_model_name,
        request={"pairs": chosen, "timeframe": canonical, "config": config.model_dump(mode="json")}
        | dict(dataset or {}),
    )


def request_training_on(
    ws: Workspace, dataset: "Dataset", *, config: Config, dvc_lock: str | None = None
) -> Run:
    """A queued run that trains on a dataset of the home; it keeps the text of its `dvc.lock`, if it has one.

    Raises:
        Conflict: another run is active; `active_id` names it.
    """
    series = dataset.series()
    lock = {} if dvc_lock is None else {"dvc_lock": dvc_lock}
    return request_training(
        ws,
        pairs=[one.candles.pair for one in series],
        timeframe=series[0].candles.timeframe,
        config=config,
        dataset={"data_version": dataset.version, **lock},
    )


def execute_run(ws: Workspace, run_id: str, *, progress: Progress | None = None) -> Run:
    """Carries out a queued run in this process: dataset, training, MLflow, ledger, champion.

    Raises:
        Conflict: the run is not queued any more, or was cancelled in the middle.
        CandleloopError: whatever ended the training; the ledger holds its text.
    """
    run = ws.store.runs.claim(run_id, owner=owner())
    if run is None:
        raise Conflict(
            f"run {run_id}: found {ws.store.runs.get(run_id).status}, expected queued. Start another run."
        )
    config = parse_config(run.request["config"], where=f"run {run_id}")
    try:
        with _beating(ws, run_id):
            return _trained(ws, run, config, _reporting(ws, run_id, progress))
    except CandleloopError as exc:
        _fail(ws, run_id, str(exc))
        raise
    except BaseException as exc:
        _fail(ws, run_id, f"The training stopped: {type(exc).__name__}: {exc}".rstrip(": "))
        raise


def _trained(ws: Workspace, run: Run, config: Config, progress: Progress) -> Run:
    stages = config.stages
    progress(0.0, "reading candles and labels")
    dataset = _dataset(ws, run, config)
    predictor = train(
        dataset.series(),
        run_id=run.run_id,
        encoder_name=stages.annotation_ingestion.label_encoding,
        context=stages.feature_engineering.context,
        encoding=stages.annotation_ingestion.encoding,
        config=stages.training,
        progress=progress,
    )
    folder = ws.predictors / run.run_id
    predictor.save(folder)
    progress(0.93, "logging to MLflow")
    mlflow_run_id = _log(ws, run, config, predictor, folder, dataset)
    finished = ws.store.runs.finish_ready(
        run.run_id,
        metrics=predictor.metrics,
        data_version=dataset.version,
        mlflow_run_id=mlflow_run_id,
        predictor_path=str(folder.relative_to(ws.home)),
    )
    if stages.training.auto_promote:
        promote(ws, run.run_id, moved_by="auto")
        mirror_champion(ws)
    return finished


def _dataset(ws: Workspace, run: Run, config: Config) -> "Dataset":
    """What the run was asked to train on, else what is stored now. Training reads it back from its files."""
    from mllib.pipeline.datasets import (
        build_dataset,
        restore_dataset,
    )  # pandas, which nothing else here needs

    asked = run.request
    if "data_version" in asked:
        return restore_dataset(ws, asked["data_version"])
    return build_dataset(
        ws, config, pairs=asked["pairs"], timeframe=asked["timeframe"], made_by="train", run_id=run.run_id
    )


def _log(
    ws: Workspace, run: Run, config: Config, predictor: Predictor, folder: Path, dataset: "Dataset"
) -> str:
    from mllib import tracking

    logged = tracking.log_run(
        ws.home,
        predictor,
        folder,
        params={"pairs": run.request["pairs"], "timeframe": run.request["timeframe"], **_parameters(config)},
        tags={"data_version": dataset.version},
        artifacts={"dataset": dataset.folder},
    )
    return logged.mlflow_run_id


def _parameters(config: Config) -> dict[str, Any]:
    stages = config.stages
    return {
        **stages.training.model_dump(mode="json"),
        "encoder": stages.annotation_ingestion.label_encoding,
        "layers": list(stages.annotation_ingestion.layers),
        "talib_patterns": list(stages.annotation_ingestion.talib_patterns),
        "context": stages.feature_engineering.context.model_dump(mode="json"),
    }


def promote(ws: Workspace, run_id: str, *, moved_by: MovedBy, reason: str | None = None) -> Run:
    """Makes a run's model the champion of its name; every serving process follows within seconds.

    The worker mirrors the move as MLflow's alias.

    Raises:
        NotFound: no run has that id.
        Conflict: the run has no model.
        BrokenModel: its predictor folder cannot be loaded; the champion stays.
    """
    run = ws.store.runs.get(run_id)
    load_run(ws, run)
    ws.store.champions.move(run.registered_model_name, run_id, moved_by=moved_by, reason=reason)
    return run


def load_run(ws: Workspace, run: Run) -> Predictor:
    """The Predictor of a run, under the version that the ledger gave it.

    Raises:
        Conflict: the run has no model.
        BrokenModel: its folder is missing, altered, or from another version of the features.
    """
    if run.predictor_path is None:
        raise Conflict(
            f"run {run.run_id}: found {run.status} without a model, expected one that is ready. "
            "Choose another from `candleloop runs`."
        )
    version = None if run.model_version is None else str(run.model_version)
    return Predictor.load(ws.home / run.predictor_path, model_version=version)


def find_run(ws: Workspace, run_id: str | None) -> Run:
    """The run of that id, or the champion's where none is named.

    Raises:
        NotFound: there is no such run, or no champion yet.
    """
    if run_id is not None:
        return ws.store.runs.get(run_id)
    champion = ws.store.champions.current(ws.config.served_model_name)
    if champion is None:
        raise NotFound(
            f"champion of {ws.config.served_model_name}: there is none yet. "
            "Train one with `candleloop train`."
        )
    return ws.store.runs.get(champion.run_id)


def clear_abandoned(ws: Workspace) -> list[Run]:
    """Fails the runs whose process is gone or has fallen silent; those runs."""
    return ws.store.runs.fail_abandoned(now=time.time(), silent_for_s=SILENT_FOR_S, is_alive=_is_alive)


def owner() -> str:
    """This process as the ledger knows it: `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_alive(of: str) -> bool:
    host, _, pid = of.rpartition(":")
    if host != socket.gethostname():
        return True  # another machine's processes are judged by their heartbeat alone
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reporting(ws: Workspace, run_id: str, progress: Progress | None) -> Progress:
    """Writes progress to the ledger, at most twice a second, and stops a run that was cancelled."""
    reported_at = 0.0

    def report(done: float, stage: str) -> None:
        nonlocal reported_at
        if progress is not None:
            progress(done, stage)
        if time.monotonic() - reported_at < _REPORT_EVERY_S:
            return
        reported_at = time.monotonic()
        if not ws.store.runs.report(run_id, progress=done, stage=stage):
            raise Conflict(
                f"run {run_id}: was {ws.store.runs.get(run_id).status} meanwhile. Start another run."
            )

    return report


@contextmanager
def _beating(ws: Workspace, run_id: str) -> Iterator[None]:
    """Keeps the run's heart beating while its process lives, whatever it is busy with."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_EVERY_S):
            try:
                ws.store.runs.beat(run_id)
            except CandleloopError as exc:
                log.warning("run %s: heartbeat not written: %s", run_id, exc)

    thread = threading.Thread(target=beat, name=f"heart of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _fail(ws: Workspace, run_id: str, error: str) -> None:
    try:
        ws.store.runs.fail(run_id, error)
    except CandleloopError as exc:
        log.warning("run %s: %s", run_id, exc)
