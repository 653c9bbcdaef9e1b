"""`stages.acquisition`: what a review queue is made of."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mllib.spans import Origin

ORIGINS: tuple[Origin, ...] = get_args(Origin)

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class Shares(BaseModel):
    """Of the places that are no audit, what share comes from where; they need not add up to one."""

    model_config = _FROZEN

    uncertainty: float = Field(default=0.45, ge=0)
    committee: float = Field(default=0.2, ge=0)
    disagreement: float = Field(default=0.2, ge=0)
    label_error: float = Field(default=0.15, ge=0)

    @model_validator(mode="after")
    def _some(self) -> "Shares":
        if not any(self.model_dump().values()):
            raise ValueError("found shares of 0 only, expected one above 0")
        return self


class Quotas(BaseModel):
    """The largest share of a queue that one pair, one label and one market regime may take.

    Where there are only few of them each may take an even part, and where nothing else is left to show a
    queue is filled all the same.
    """

    model_config = _FROZEN

    pair: float = Field(default=0.5, gt=0, le=1)
    label: float = Field(default=0.4, gt=0, le=1)
    regime: float = Field(default=0.3, gt=0, le=1)


class AcquisitionConfig(BaseModel):
    """`stages.acquisition`."""

    model_config = _FROZEN

    shares: Shares = Shares()
    audit_share: float = Field(default=0.1, ge=0, le=1)
    """Of a queue, so much is drawn at random from bars that nobody has looked at."""
    audit_bars: int = Field(default=40, ge=1)
    """So many bars are shown around a bar that was drawn and on which the model sees nothing."""
    quotas: Quotas = Quotas()
    uncertainty: Literal["margin", "entropy"] = "margin"
    committee: Literal["kl", "vote_entropy"] = "kl"
    near_miss_from: float = Field(default=0.15, gt=0, lt=1)
    """Where no span is predicted, a label is a near miss from this probability on."""
    sure_from: float = Field(default=0.8, gt=0, lt=1)
    """A held-out model is sure of a label that nobody gave from this probability on."""
    seed: int = 0

    def origin_shares(self) -> dict[Origin, float]:
        """What share of a queue comes from where; they add up to one."""
        given = self.shares.model_dump()
        rest = (1 - self.audit_share) / sum(given.values())
        return {origin: self.audit_share if origin == "audit" else rest * given[origin] for origin in ORIGINS}
