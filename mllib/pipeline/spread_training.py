"""Use case: train on TA-Lib's labels of more candles than one machine can learn from, on a cluster."""

from mllib.cluster import Cluster
from mllib.config import Config
from mllib.errors import InvalidConfig
from mllib.gate import GateVerdict
from mllib.inference import Predictor
from mllib.patterns import check_functions
from mllib.pipeline.gating import champion_of, judged
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part
from mllib.store import Run
from mllib.training.spread_fitting import SpreadTraining, check_spread, fit_spread


def spread_training(ws: Workspace, config: Config, series: list[tuple[str, str]]) -> SpreadTraining:
    """What a cluster is to train on, of a run's configuration.

    Raises:
        InvalidConfig: it asks for people's labels, or for what does not train on a cluster.
    """
    stages = config.stages
    ingestion = stages.annotation_ingestion
    if list(ingestion.layers) != ["talib"]:
        raise InvalidConfig(
            f"found {list(ingestion.layers)}, expected ['talib'] to train on a cluster: people's labels fit "
            "one machine. Say --labels talib, or leave --cluster out.",
            path="stages.annotation_ingestion.layers",
        )
    asked = SpreadTraining(
        source=ws.candle_source,
        series=series,
        functions=check_functions(ingestion.talib_patterns),
        encoder_name=ingestion.label_encoding,
        context=stages.feature_engineering.model_inputs,
        encoding=ingestion.encoding,
    )
    check_spread(asked, stages.training)
    return asked


def train_on_cluster(
    ws: Workspace, run: Run, config: Config, cluster: Cluster, progress: Progress
) -> tuple[Predictor, GateVerdict]:
    """The trained model beside the champion, and what the gate finds; no dataset is written.

    The gate's walk-forward folds would each be a training of their own: they are left out, and it says so.

    Raises:
        InvalidConfig, TrainingFailed: as `spread_training` and `fit_spread` do.
    """
    series = [(pair, run.request["timeframe"]) for pair in run.request["pairs"]]
    training = config.stages.training
    champion = champion_of(ws, training.registered_model_name)
    fitted, held_out = fit_spread(
        spread_training(ws, config, series),
        cluster,
        run_id=run.run_id,
        config=training,
        progress=part(progress, 0.0, 0.9),
        champion=champion.predictor,
    )
    without_folds = training.model_copy(
        update={"gate": training.gate.model_copy(update={"walk_forward_folds": 0})}
    )
    judging = part(progress, 0.9, 1.0)
    return judged(ws, fitted, held_out, champion=champion, config=without_folds, progress=judging)
