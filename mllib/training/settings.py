"""`stages.training` of the configuration."""

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from mllib.evaluation import BootstrapConfig
from mllib.gate import GateConfig
from mllib.models import MODEL_NAMES
from mllib.splits import SplitConfig


class TrainingConfig(SplitConfig):
    """Which model, how its rows are divided and weighed.

    `class_weights: balanced` weighs rare positives up, which calibration takes back. `clarity_weights` let a
    span weigh by how clear its annotator found it (`spans.clarity_weight`). `validation_folds` hold out all
    that lies before the test in turn, instead of the validation block (0); null does so where spans are few.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_type: str = Field(
        default="xgboost",
        title="Model",
        description="What learns: boosted trees (XGBoost), a random forest, or, with PyTorch, a network that "
        "reads candles in the order of time (GRU, LSTM, transformer).",
        json_schema_extra={"essential": 1, "enum": list(MODEL_NAMES)},
    )
    hyperparameters: dict[str, Any] = Field(
        default_factory=dict, description="Settings of the model itself, under the library's own names."
    )
    class_weights: Literal["balanced"] | None = Field(
        default="balanced",
        description="balanced: rare positives weigh more while learning; calibration takes that back.",
    )
    clarity_weights: bool = Field(
        default=True, description="A span of clarity 1 to 5 weighs a fifth of it; one without weighs 1."
    )
    experiment_name: str = Field(default="candleloop", min_length=1, description="Experiment in MLflow.")
    registered_model_name: str = Field(
        default="candleloop", min_length=1, description="Name under which versions and champions are kept."
    )
    validation_folds: int | None = Field(
        default=None,
        ge=0,
        le=20,
        description="Purged folds on which stopping, temperatures and cuts are chosen. 0: on the validation "
        "block alone. Empty: on 4 folds where that block has fewer than 300 spans.",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="The same seed and data give the same model.")
    auto_promote: bool = Field(
        default=True,
        title="Promote by itself",
        description="A model that passes the gate becomes the champion at once.",
        json_schema_extra={"essential": 6},
    )
    bootstrap: BootstrapConfig = BootstrapConfig()
    gate: GateConfig = GateConfig()

    @field_validator("validation_folds")
    @classmethod
    def _at_least_two(cls, folds: int | None) -> int | None:
        if folds == 1:
            raise ValueError("found 1 fold, expected 0 for the validation block, or at least 2")
        return folds
