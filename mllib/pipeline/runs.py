"""Use cases about training runs: ask for one, and carry it out."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mllib.cluster import IN_PROCESS, Cluster, Engine
from mllib.config import Config, parse_config, with_value
from mllib.config_form import problems
from mllib.encoders import encoder_class
from mllib.errors import CandleloopError, Conflict, InvalidConfig
from mllib.gate import GateVerdict
from mllib.inference import Predictor
from mllib.models import create_model
from mllib.pipeline.gating import champion_of, judged
from mllib.pipeline.mirroring import mirror_champion
from mllib.pipeline.model_folders import keep_model
from mllib.pipeline.run_log import kept_log
from mllib.pipeline.run_watch import beating, clear_abandoned, fail, interrupted, owner, reporting
from mllib.pipeline.spread_training import train_on_cluster
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part
from mllib.store import Asker, Run
from mllib.timeframes import parse_timeframe
from mllib.training import Prepared, fit, prepare

if TYPE_CHECKING:
    from mllib.pipeline.datasets import Dataset

log = logging.getLogger(__name__)

_TRAINING = "stages.training"
_INGESTION = "stages.annotation_ingestion"


_PAIRS_LOGGED = 100
"""MLflow refuses parameters of more than 6,000 characters."""
STAGES = ((0.0, "candles and labels"), (0.01, "inputs"), (0.03, "learning"), (0.95, "gate"), (0.98, "MLflow"))
"""What a run does one after another, and what share of its time has passed when each begins."""


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
    _ = resolved.stages.feature_engineering.model_inputs.custom_features
    create_model(training.model_type, training.hyperparameters, seed=training.seed)
    return resolved


def check_training(config: Config, overrides: Mapping[str, Any]) -> tuple[Config | None, dict[str, str]]:
    """The configuration of one run, or None and what is wrong with the overrides, by YAML path."""
    if found := problems(config, overrides):
        return None, found
    try:
        return resolve_config(config, overrides=overrides), {}
    except InvalidConfig as exc:
        return None, {exc.path: exc.said}


def _refuse_what_is_not_there_yet(config: Config) -> None:
    """Raises InvalidConfig for keys that load but that no stage of this version would heed."""
    features, ingestion = config.stages.feature_engineering, config.stages.annotation_ingestion
    heeded: dict[str, tuple[object, object]] = {
        f"{_TRAINING}.enabled": (config.stages.training.enabled, True),
        f"{_INGESTION}.enabled": (ingestion.enabled, True),
        "stages.feature_engineering.enabled": (features.enabled, True),
    }
    if ingestion.label_encoding == "bio":
        heeded[f"{_INGESTION}.context_padding"] = (ingestion.context_padding, 0)
    for key, (found, expected) in heeded.items():
        if found != expected:
            raise InvalidConfig(
                f"found {found!r}, expected {expected!r}: this version trains in no other way. Set it back.",
                path=key,
                where="run",
            )


def request_training(
    ws: Workspace,
    *,
    pairs: Sequence[str],
    timeframe: str | None = None,
    config: Config,
    dataset: Mapping[str, str] | None = None,
    asked_by: Asker = "person",
    **asked: str,
) -> Run:
    """A queued run over one or more stored series, with its whole configuration written down.

    With a `dataset` it trains on that one, as it lies in the home, and not on what is stored now: its
    `data_version`, and where `dvc repro` asks the text of its `dvc_lock`. Where no person asks, `asked` says
    `asked_why` in words, and what it was `asked_on` (`retraining.data_token`).

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
        request={
            "pairs": chosen,
            "timeframe": canonical,
            "config": config.model_dump(mode="json"),
            "asked_by": asked_by,
            "last_verdict": ws.store.freshness.last_verdict(),
            **asked,
            **(dataset or {}),
        },
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


def execute_run(
    ws: Workspace, run_id: str, *, progress: Progress | None = None, engine: Engine = IN_PROCESS
) -> Run:
    """Carries out a queued run in this process: dataset, training, MLflow, ledger, champion.

    On a cluster trees grow where TA-Lib's labels are found, and no dataset is written.

    Raises:
        Conflict: the run is not queued any more, or was cancelled in the middle.
        CandleloopError: whatever ended the training; the ledger holds its text.
    """
    run = ws.store.runs.claim(run_id, owner=owner())
    if run is None:
        raise Conflict(
            f"run {run_id}: found {ws.store.runs.get(run_id).status}, expected queued. Start another run."
        )
    with kept_log(ws, run_id):
        return _carried_out(ws, run, progress, engine)


def _carried_out(ws: Workspace, run: Run, progress: Progress | None, engine: Engine) -> Run:
    """The ended run; whatever ends it otherwise is raised, and written down first."""
    run_id = run.run_id
    try:
        config = parse_config(run.request["config"], where=f"run {run_id}")
        _say_what_was_asked(run, config)
        with beating(ws, run):
            return _trained(ws, run, config, reporting(ws, run, progress), engine)
    except CandleloopError as exc:
        fail(ws, run, str(exc))
        raise
    except KeyboardInterrupt:
        interrupted(ws, run)
        raise
    except BaseException as exc:
        log.exception("stopped by what nobody expected")
        fail(ws, run, f"The training stopped: {type(exc).__name__}: {exc}".rstrip(": "))
        raise


def _say_what_was_asked(run: Run, config: Config) -> None:
    series = f"{', '.join(run.request['pairs'])} {run.request['timeframe']}"
    log.info(
        "run %s: %s, %s, on %s, asked for by %s",
        run.run_id,
        run.model_type,
        run.encoder,
        series,
        run.asked_by,
    )
    if run.asked_why is not None:
        log.info("%s", run.asked_why)
    if run.taken_up is not None:
        log.warning("taken up again by %s: %s", run.owner, run.taken_up)
    training = config.stages.training.model_dump(mode="json", exclude={"retrain"})
    log.info("stages.training: %s", json.dumps(training))


def _trained(ws: Workspace, run: Run, config: Config, progress: Progress, engine: Engine) -> Run:
    from mllib import tracking

    tracking.require_answer(ws.home)  # before hours of work that could not be logged
    if isinstance(engine, Cluster):
        dataset, whole = None, part(progress, 0.0, STAGES[4][0])
        predictor, verdict = train_on_cluster(ws, run, config, engine, whole)
    else:
        dataset, predictor, verdict = _trained_here(ws, run, config, progress)
    progress(STAGES[4][0], "keeping the model")
    folder = keep_model(ws, run.run_id, predictor, anew=run.taken_up is not None)
    progress(STAGES[4][0], "logging to MLflow")
    results: dict[str, Any] = {
        "metrics": predictor.metrics,
        "data_version": None if dataset is None else dataset.version,
        "mlflow_run_id": _log(ws, run, config, predictor, dataset),
        "predictor_path": str(folder.relative_to(ws.home)),
    }
    _say_what_was_found(predictor, verdict)
    if not verdict.passed:
        return ws.store.runs.reject(run.run_id, reason=verdict.reason, owner=run.owner, **results)
    promoted = config.stages.training.auto_promote
    if promoted:
        Predictor.load(folder)  # what cannot be loaded shall not serve
    finished = ws.store.runs.finish_ready(run.run_id, owner=run.owner, promoted=promoted, **results)
    log.info("ready as version %s of %s", finished.model_version, finished.registered_model_name)
    if promoted:
        mirror_champion(ws)
    return finished


def _trained_here(
    ws: Workspace, run: Run, config: Config, progress: Progress
) -> "tuple[Dataset, Predictor, GateVerdict]":
    progress(0.0, "reading candles and labels")
    dataset = _dataset(ws, run, config)
    log.info("dataset %s", dataset.version)
    progress(STAGES[1][0], "computing features")
    stages = config.stages
    prepared = prepare(
        dataset.series(),
        encoder_name=stages.annotation_ingestion.label_encoding,
        context=stages.model_inputs,
        encoding=stages.annotation_ingestion.encoding,
    )
    return dataset, *_judged(ws, run, config, prepared, progress)


def _say_what_was_found(predictor: Predictor, verdict: GateVerdict) -> None:
    log.info("span F1 at IoU 0.5 on the test: %.3f", predictor.metrics["span_f1"]["0.5"]["micro"])
    for check in verdict.checks:
        level = logging.WARNING if check.passed is False else logging.INFO
        log.log(level, "gate, %s: %s", check.name, check.said)


def _judged(
    ws: Workspace, run: Run, config: Config, prepared: Prepared, progress: Progress
) -> tuple[Predictor, GateVerdict]:
    """The trained model beside the champion, with what the gate finds among its metrics."""
    training = config.stages.training
    champion = champion_of(ws, training.registered_model_name)
    fitted = fit(
        prepared,
        run_id=run.run_id,
        config=training,
        progress=part(progress, STAGES[2][0], STAGES[3][0]),
        champion=champion.predictor,
    )
    judging = part(progress, STAGES[3][0], STAGES[4][0])
    return judged(ws, fitted, prepared, champion=champion, config=training, progress=judging)


def _dataset(ws: Workspace, run: Run, config: Config) -> "Dataset":
    """What the run was asked to train on, else what is stored now. Training reads it back from its files."""
    from mllib.pipeline.datasets import (  # pandas, which nothing else here needs
        build_dataset,
        push_datasets,
        restore_dataset,
    )

    asked = run.request
    if "data_version" in asked:
        return restore_dataset(ws, asked["data_version"])
    dataset = build_dataset(
        ws, config, pairs=asked["pairs"], timeframe=asked["timeframe"], made_by="train", run_id=run.run_id
    )
    if ws.storage is not None:  # the next training on it may be another machine's
        push_datasets(ws, [dataset.version])
    return dataset


def _log(ws: Workspace, run: Run, config: Config, predictor: Predictor, dataset: "Dataset | None") -> str:
    from mllib import tracking
    from mllib.pipeline.reporting import keep_report  # the datasets it reads about need pandas

    version = None if dataset is None else dataset.version
    report = keep_report(ws, predictor, config, data_version=version)
    pairs = run.request["pairs"]
    logged = tracking.log_run(
        ws.home,
        predictor,
        ws.predictors / run.run_id,
        params={
            "pairs": pairs if len(pairs) <= _PAIRS_LOGGED else f"{len(pairs)} pairs",
            "timeframe": run.request["timeframe"],
            **_parameters(config),
        },
        tags={} if dataset is None else {"data_version": dataset.version},
        artifacts={"report": report}
        | ({} if dataset is None else {f"dataset/{dataset.version}": dataset.folder}),
    )
    return logged.mlflow_run_id


def _parameters(config: Config) -> dict[str, Any]:
    stages = config.stages
    return {
        **stages.training.model_dump(mode="json", exclude={"retrain"}),
        "encoder": stages.annotation_ingestion.label_encoding,
        "encoding": stages.annotation_ingestion.encoding.model_dump(mode="json"),
        "layers": list(stages.annotation_ingestion.layers),
        "talib_patterns": list(stages.annotation_ingestion.talib_patterns),
        "context": stages.model_inputs.model_dump(mode="json"),
    }
