"""What is said of one series, before anything is merged."""

from dataclasses import dataclass

from mllib.spans import Annotation, ReviewedRange


@dataclass(frozen=True, slots=True)
class Facts:
    """People's annotations, where they looked, and TA-Lib's spans.

    `verdicts` holds the ids of the annotations that verdicts made, oldest first.
    """

    annotations: tuple[Annotation, ...]
    reviewed: tuple[ReviewedRange, ...]
    verdicts: tuple[str, ...] = ()
    talib: tuple[Annotation, ...] = ()
