"""Networks that read candles in the order of time: `gru`, `lstm` and `transformer`, in PyTorch.

A candle's row brings the candles around it one by one, a window's row its outline, and both bring the other
columns that trees read. PyTorch is imported where a network is fitted or loaded and not before. It is fitted
on the device that is asked for and scores on one processor thread, so that a saved model says the same
everywhere.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mllib.errors import InvalidConfig
from mllib.extras import to_install
from mllib.features import Column
from mllib.models.step_columns import Steps
from mllib.progress import Progress
from mllib.rows import Rows, Targets

if TYPE_CHECKING:
    from mllib.models.sequence_network import Network

_DESCRIPTION, _WEIGHTS = "network.json", "network.npz"
_SCORED_ROWS = 128
_MODEL_TYPE = "stages.training.model_type"

Floats = NDArray[np.float32]


class Hyperparameters(BaseModel):
    """Size and training of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(
        default=40,
        ge=1,
        le=1_000,
        title="Epochs",
        description="How often examples are shown, at most.",
        json_schema_extra={"essential": 5},
    )
    epoch_rows: int = Field(
        default=8_192, ge=1, description="Examples of an epoch at most; of more they are drawn anew."
    )
    batch_rows: int = Field(default=256, ge=1, le=65_536, description="Examples of one step.")
    learning_rate: float = Field(default=0.002, gt=0, le=1, description="How much a step may change.")
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="Draws weights towards nothing.")
    hidden: int = Field(default=48, ge=8, le=1_024, multiple_of=8, description="Width of every layer.")
    layers: int = Field(default=1, ge=1, le=8, description="Layers that read the sequence.")
    heads: Literal[1, 2, 4, 8] = Field(default=4, description="Heads of attention; of the transformer alone.")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="Share of a layer left out while learning.")
    early_stopping_rounds: int = Field(
        default=6, ge=1, description="Epochs without gain on what is held out after which it stops."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where it is fitted; auto: on a CUDA device where there is one."
    )
    n_jobs: int = Field(
        default=1,
        ge=1,
        title="Threads",
        description="Processor threads; so small a network gains little from a second one, and loses much "
        "beside other work.",
    )


class _SequenceModel:
    """A network over the steps of each row; what differs between the models is its `name`."""

    name: ClassVar[str]
    patient: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, hyperparameters: Mapping[str, Any], *, seed: int) -> None:
        _require_torch(self.name)
        self.hyperparameters = Hyperparameters(**hyperparameters)
        self._seed = seed
        self._rounds = self.hyperparameters.epochs
        self._steps = Steps((), None, ())
        self._network: Network | None = None

    def fit(
        self,
        rows: Rows,
        targets: Targets,
        validation: tuple[Rows, Targets] | None,
        *,
        columns: Sequence[Column] = (),
        progress: Progress,
    ) -> None:
        """Shows examples until validation loss stops falling or `epochs` are done.

        Raises:
            InvalidConfig: the columns hold no sequence, or there is no such device.
        """
        from mllib.models.sequence_fitting import fit_network, reproducible, threads

        self._steps = Steps.of(columns, model=self.name)
        device = _device(self.hyperparameters.device)
        with threads(self.hyperparameters.n_jobs), reproducible(self._seed):
            network = self._made(targets.Y.shape[1])
            self._rounds = fit_network(
                network,
                (rows, targets),
                validation,
                self.hyperparameters,
                device=device,
                seed=self._seed,
                progress=progress,
            )
        self._network = network

    @property
    def rounds(self) -> int:
        return self._rounds

    def of_rounds(self, rounds: int) -> Self:
        """An unfitted model of so many epochs, but no more than it was made for."""
        most = self.hyperparameters.epochs
        given = self.hyperparameters.model_dump() | {"epochs": min(rounds, most)}
        return type(self)(given, seed=self._seed)

    def weights_used(self, targets: Targets) -> Floats:
        """Each cell's own."""
        return targets.weights

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities `float32 (n, k)`, on one thread."""
        from mllib.models.sequence_scoring import scored

        return scored(self._fitted, X, batch_rows=_SCORED_ROWS)

    def contributions(self, X: Floats, column: int) -> Floats:
        """What each feature adds to a column's log-odds, by integrated gradients from the mean inputs."""
        from mllib.models.sequence_scoring import integrated_gradients

        return integrated_gradients(self._fitted, X, column)

    def save(self, folder: Path) -> None:
        """Writes what the network is as JSON, and its weights as arrays of NumPy, without pickle."""
        arrays = self._fitted.arrays()
        description = {
            "kind": self.name,
            "hyperparameters": self.hyperparameters.model_dump(mode="json"),
            "steps": self._steps.to_dict(),
            "targets": len(arrays["prior"]),
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description))
        with (folder / _WEIGHTS).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub mixes them with a flag

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote, on any machine, wherever it was fitted."""
        _require_torch(cls.name)
        saved = json.loads((folder / _DESCRIPTION).read_text())
        model = cls(saved["hyperparameters"], seed=0)
        model._steps = Steps.from_dict(saved["steps"])
        network = model._made(int(saved["targets"]))
        with (folder / _WEIGHTS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            network.take({name: arrays[name] for name in arrays})
        network.eval()
        model._network = network
        return model

    def log(self, mlflow: Any, *, registered_model_name: str, pip_requirements: list[str]) -> str | None:
        """Registers the weights and their description as files of the run.

        MLflow's own format for PyTorch is a pickle.
        """
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            self.save(Path(folder))
            (Path(folder) / "requirements.txt").write_text("\n".join([*pip_requirements, _torch()]) + "\n")
            mlflow.log_artifacts(folder, "model")
        return _registered(mlflow, registered_model_name)

    @property
    def _fitted(self) -> "Network":
        if self._network is None:
            raise RuntimeError(f"{self.name}: neither fitted nor loaded")
        return self._network

    def _made(self, targets: int) -> "Network":
        from mllib.models.sequence_network import Network

        return Network(self.name, self._steps, targets=targets, hyperparameters=self.hyperparameters)


class Gru(_SequenceModel):
    """Gated recurrent units that read towards the judged step from both sides."""

    name: ClassVar[str] = "gru"


class Lstm(_SequenceModel):
    """Long short-term memory that reads towards the judged step from both sides."""

    name: ClassVar[str] = "lstm"


class Transformer(_SequenceModel):
    """Attention over all steps of a row."""

    name: ClassVar[str] = "transformer"


def _require_torch(name: str) -> None:
    if importlib.util.find_spec("torch") is None:
        raise InvalidConfig(
            f"found {name!r} and no PyTorch, which it needs. Run `{to_install('deep')}`, or choose another "
            "model.",
            path=_MODEL_TYPE,
        )


def _device(asked: str) -> str:
    import torch

    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise InvalidConfig(
            "found 'cuda' and no CUDA device that PyTorch can use. Set it to auto or cpu.",
            path="stages.training.hyperparameters.device",
        )
    return "cuda" if there and asked != "cpu" else "cpu"


def _torch() -> str:
    from importlib.metadata import version

    return f"torch=={version('torch').partition('+')[0]}"


def _registered(mlflow: Any, name: str) -> str:
    """The version under which the active run's model is registered."""
    client, run = mlflow.MlflowClient(), mlflow.active_run()
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    source = f"{run.info.artifact_uri}/model"
    return str(client.create_model_version(name, source, run.info.run_id).version)
