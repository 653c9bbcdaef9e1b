"""Use case: the models that there are, how good they were, and when and why they served."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mllib.pipeline.workspace import Workspace
from mllib.store import ChampionMove, Run


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A run that has a model; `moves` are those that made it the champion of its name, newest first."""

    run: Run
    is_champion: bool
    moves: tuple[ChampionMove, ...]

    @property
    def headline(self) -> dict[str, float | None]:
        """Test figures per candle, and span F1 at IoU 0.5; None for what was not measured."""
        metrics: Mapping[str, Any] = self.run.metrics or {}
        per_candle = {name: metrics.get(name) for name in ("accuracy", "f1_macro", "f1_weighted")}
        return per_candle | {"span_f1": metrics["span_f1"]["0.5"]["micro"] if "span_f1" in metrics else None}


def champion_run(ws: Workspace, name: str | None = None) -> Run | None:
    """The run whose model is the champion of a name, by default of the one that is served, or None."""
    move = ws.store.champions.current(name or ws.config.served_model_name)
    return None if move is None else ws.store.runs.get(move.run_id)


def list_models(ws: Workspace) -> list[TrainedModel]:
    """Every run with a model, newest first; the champion is that of the name which is served."""
    runs = [run for run in ws.store.runs.list() if run.predictor_path is not None]
    history = {name: ws.store.champions.history(name) for name in {run.registered_model_name for run in runs}}
    served = history.get(ws.config.served_model_name, [])
    champion = served[0].run_id if served else None
    return [
        TrainedModel(
            run,
            run.run_id == champion,
            tuple(move for move in history[run.registered_model_name] if move.run_id == run.run_id),
        )
        for run in runs
    ]
