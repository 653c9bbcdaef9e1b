"""`stages.training` of the configuration."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from mllib.evaluation import BootstrapConfig
from mllib.gate import GateConfig
from mllib.splits import SplitConfig


class TrainingConfig(SplitConfig):
    """Which model, how its rows are divided and weighed.

    `class_weights: balanced` weighs rare positives up, which calibration takes back. `clarity_weights` let a
    span weigh by how clear its annotator found it (`spans.clarity_weight`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_type: str = "xgboost"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    class_weights: Literal["balanced"] | None = "balanced"
    clarity_weights: bool = True
    experiment_name: str = Field(default="candleloop", min_length=1)
    registered_model_name: str = Field(default="candleloop", min_length=1)
    seed: int = Field(default=0, ge=0)
    auto_promote: bool = True
    bootstrap: BootstrapConfig = BootstrapConfig()
    gate: GateConfig = GateConfig()
