"""`stages.training` of the configuration."""

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from mllib.evaluation import BootstrapConfig
from mllib.gate import GateConfig
from mllib.splits import SplitConfig


class TrainingConfig(SplitConfig):
    """Which model, how its rows are divided and weighed.

    `class_weights: balanced` weighs rare positives up, which calibration takes back. `clarity_weights` let a
    span weigh by how clear its annotator found it (`spans.clarity_weight`). `validation_folds` hold out all
    that lies before the test in turn, instead of the validation block (0); null does so where spans are few.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_type: str = "xgboost"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    class_weights: Literal["balanced"] | None = "balanced"
    clarity_weights: bool = True
    experiment_name: str = Field(default="candleloop", min_length=1)
    registered_model_name: str = Field(default="candleloop", min_length=1)
    validation_folds: int | None = Field(default=None, ge=0, le=20)
    seed: int = Field(default=0, ge=0, lt=2**31)
    auto_promote: bool = True
    bootstrap: BootstrapConfig = BootstrapConfig()
    gate: GateConfig = GateConfig()

    @field_validator("validation_folds")
    @classmethod
    def _at_least_two(cls, folds: int | None) -> int | None:
        if folds == 1:
            raise ValueError("found 1 fold, expected 0 for the validation block, or at least 2")
        return folds
