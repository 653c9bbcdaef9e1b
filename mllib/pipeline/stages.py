"""The stages of `dvc repro`: each reads and writes the files that `data` of the configuration names.

annotations → features → labels → train → evaluate. The first one writes down what the database and the
stored candles say; the others read files alone, and the functions are those of `candleloop train`, so that
both give the same dataset, the same model and the same figures.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from mllib.config import Config, DataSection
from mllib.datasets.contents import (
    Files,
    load_candles,
    load_enriched,
    load_facts,
    load_series,
    write_candles,
    write_enriched,
    write_facts,
    write_labeled,
)
from mllib.datasets.facts import Facts
from mllib.datasets.files import new_folder, write_text
from mllib.errors import InvalidConfig
from mllib.evaluation import Judged, evaluate
from mllib.inference import Predictor
from mllib.pipeline.annotations import known_facts, labelled
from mllib.pipeline.datasets import keep_dataset
from mllib.pipeline.runs import execute_run, request_training_on, resolve_config
from mllib.pipeline.stage_plots import stage_files
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.splits import Intervals, Split
from mllib.timeframes import parse_timeframe

_LOCK = Path("dvc.lock")


def write_annotations(ws: Workspace, config: Config, _progress: Progress) -> None:
    """The stored candles to `raw_ohlcv_path`, what the database says of them to `annotations_path`.

    Raises:
        NotFound: the series of `pipeline.pair` and `pipeline.timeframe` is not stored.
    """
    pair, timeframe = config.pipeline.pair, parse_timeframe(config.pipeline.timeframe)
    ingestion = config.stages.annotation_ingestion
    functions = ingestion.talib_patterns if "talib" in ingestion.layers else None
    candles = ws.candles.read(pair, timeframe)
    facts = known_facts(ws, pair=pair, timeframe=timeframe, functions=functions)
    write_candles([candles], Path(config.data.raw_ohlcv_path))
    write_facts([((pair, timeframe), facts)], Path(config.data.annotations_path))


def enrich_candles(_ws: Workspace, config: Config, _progress: Progress) -> None:
    """Candles with the configured columns, from `raw_ohlcv_path` to `enriched_path`."""
    candles = load_candles(Path(config.data.raw_ohlcv_path))
    write_enriched(candles, config.stages.feature_engineering, Path(config.data.enriched_path))


def label_candles(_ws: Workspace, config: Config, _progress: Progress) -> None:
    """Enriched candles with tags to `labeled_path`, the spans that count to `spans_path`, both documented."""
    files, ingestion = dataset_files(config.data), config.stages.annotation_ingestion
    features = config.stages.feature_engineering
    enriched, facts = load_enriched(Path(config.data.enriched_path), features), load_facts(files.annotations)
    nothing = Facts((), ())
    series = [
        labelled(
            one,
            facts.get((one.pair, one.timeframe), nothing),
            layers=ingestion.layers,
            ingestion=ingestion,
        )
        for one in load_candles(Path(config.data.enriched_path))
    ]
    write_labeled(enriched, series, features, files)


def train_model(ws: Workspace, config: Config, progress: Progress) -> None:
    """A run of the ledger on the labelled dataset; a copy of its Predictor to `predictor_path`.

    The dataset is kept in the home under its version, as `candleloop train` keeps its own, and the run
    remembers the text of `dvc.lock`. Whether the model is promoted, the configuration and the gate say.

    Raises:
        Conflict: another run is active.
    """
    with new_folder(ws.datasets) as partial:
        for source, target in zip(dataset_files(config.data).all, Files.of(partial).all, strict=True):
            shutil.copyfile(source, target)
        dataset = keep_dataset(ws, partial, made_by="repro")
    lock = _LOCK.read_text(encoding="utf-8") if _LOCK.is_file() else None
    run = request_training_on(ws, dataset, config=resolve_config(config), dvc_lock=lock)
    execute_run(ws, run.run_id, progress=progress)
    target = Path(config.data.predictor_path)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ws.predictors / run.run_id, target)


def evaluate_model(_ws: Workspace, config: Config, _progress: Progress) -> None:
    """The copied Predictor on the test block of the labelled dataset: metrics and plots to `evaluation_path`.

    The block is the one that training kept for the test, so the metrics are those of the run; what training
    alone can measure, such as calibration before and after, is the Predictor's.
    """
    predictor = Predictor.load(Path(config.data.predictor_path))
    known = predictor.metrics["split"]
    split = Split(
        tuple(known["moments"]), tuple(known["blocks"]), embargo_bars=config.stages.training.embargo_bars
    )
    judged = []
    for one in load_series(dataset_files(config.data)):
        counts = split.holds("test", Intervals.of_bars(one.candles, predictor.encoder.reach))
        if counts.any():
            judged.append(Judged(predictor.predict(one.candles), one.spans, one.reviewed, counts))
    metrics = predictor.metrics | evaluate(judged, predictor.encoder.labels)
    for name, values in stage_files(metrics).items():
        write_text(json.dumps(values, indent=1) + "\n", Path(config.data.evaluation_path) / name)


def dataset_files(data: DataSection) -> Files:
    """Where the files of the pipeline's dataset lie."""
    paths = (data.annotations_path, data.labeled_path, data.spans_path, data.columns_path)
    return Files(*map(Path, paths))


Stage = Callable[[Workspace, Config, Progress], None]
STAGES: dict[str, Stage] = {
    "annotations": write_annotations,
    "features": enrich_candles,
    "labels": label_candles,
    "train": train_model,
    "evaluate": evaluate_model,
}
"""By the names of `dvc.yaml`."""


def run_stage(ws: Workspace, name: str, *, progress: Progress) -> None:
    """Carries out one stage.

    Raises:
        InvalidConfig: there is no such stage.
        CandleloopError: whatever the stage refuses; what it wrote before stays as it was.
    """
    if name not in STAGES:
        raise InvalidConfig(f"stage: found {name!r}, expected one of {', '.join(STAGES)}. Correct the name.")
    STAGES[name](ws, ws.config, progress)
