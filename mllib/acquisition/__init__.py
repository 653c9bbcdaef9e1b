"""Where a person's next minute is worth most: scores from probabilities, and a queue that is spread out.

Nothing here reads a store or knows a model; `mllib.pipeline.queueing` puts it to work.
"""

from mllib.acquisition.auditing import audit_order
from mllib.acquisition.candidates import Candidates, confidences, distribution, islands, near_misses
from mllib.acquisition.regimes import REGIMES, regimes
from mllib.acquisition.scores import committee, label_error, uncertainty
from mllib.acquisition.settings import ORIGINS, AcquisitionConfig, Quotas, Shares
from mllib.acquisition.spreading import spread
from mllib.spans import Origin

__all__ = [
    "ORIGINS",
    "REGIMES",
    "AcquisitionConfig",
    "Candidates",
    "Origin",
    "Quotas",
    "Shares",
    "audit_order",
    "committee",
    "confidences",
    "distribution",
    "islands",
    "label_error",
    "near_misses",
    "regimes",
    "spread",
    "uncertainty",
]
