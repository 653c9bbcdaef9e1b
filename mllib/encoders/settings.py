"""The part of `stages.annotation_ingestion` that encoders heed."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EncodingConfig(BaseModel):
    """How labels become targets, beyond the name of the encoder; lengths in bars.

    `proposals` says what the `window` encoder judges: windows that begin at swings and look like the labels'
    spans, or windows of `window_size` everywhere. `context_padding` bars on either side are shown beside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_size: int = Field(default=40, ge=2, description="Candles of a fixed window.")
    context_padding: int = Field(
        default=0,
        ge=0,
        le=500,
        description="Candles on either side of a window that are shown to the model beside it.",
    )
    proposals: Literal["swings", "fixed"] = Field(
        default="swings",
        description="What the window encoder judges. swings: windows that begin at a swing and look like the "
        "labels' spans. fixed: windows of the window size everywhere.",
    )
