"""The part of `stages.annotation_ingestion` that encoders heed."""

from pydantic import BaseModel, ConfigDict, Field


class EncodingConfig(BaseModel):
    """How labels become targets, beyond the name of the encoder; lengths in bars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_size: int = Field(default=40, ge=2)
    context_padding: int = Field(default=0, ge=0)
