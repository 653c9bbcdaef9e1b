"""Whether annotations lie on the candles that are stored."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.errors import InvalidAnnotations
from mllib.spans import Annotation
from mllib.timeframes import iso_utc


def check_annotations(
    annotations: Sequence[Annotation], candles: Candles, *, others: Iterable[Candles] = ()
) -> None:
    """Pass annotations whose bounds, and those of their sub-spans, are opens of these candles.

    Raises:
        InvalidAnnotations: naming the first bound that is none, the nearest candle, how many annotations
            are concerned, and which of `others` they fit, which are looked at only then.
    """
    fit = _fit(annotations, candles)
    if fit.all():
        return
    strays = [annotation for annotation, fits in zip(annotations, fit, strict=True) if not fits]
    counts = [(other.name, int(_fit(strays, other).sum())) for other in others]
    fitting = sorted(((name, n) for name, n in counts if n), key=lambda one: (-one[1], one[0]))
    raise InvalidAnnotations(
        f"{candles.name}: {_first_stray(strays[0], candles)} {len(strays)} of {len(annotations)} annotations "
        f"do not fit. {_advice(len(strays), len(annotations), fitting)}"
    )


def check_open(time: int, candles: Candles, what: str) -> None:
    """Pass a time that is the open of one of these candles; `what` names it.

    Raises:
        InvalidAnnotations: it is none, naming the nearest candle.
    """
    if time not in candles.time:
        raise InvalidAnnotations(
            f"{candles.name}: {what}: {_stray(time, candles)} Send the open of the last visible candle."
        )


def _fit(annotations: Sequence[Annotation], candles: Candles) -> NDArray[np.bool_]:
    """Which annotations lie on the candles with all their bounds: `bool (n,)`."""
    fit = np.ones(len(annotations), dtype=bool)
    owners, bounds = [], []
    for i, annotation in enumerate(annotations):
        for bound in _bounds(annotation):
            owners.append(i)
            bounds.append(bound)
    off = ~np.isin(np.array(bounds, dtype=np.int64), candles.time)
    fit[np.array(owners, dtype=np.intp)[off]] = False
    return fit


def _bounds(annotation: Annotation) -> list[int]:
    spans = (annotation, *(annotation.sub_spans or ()))
    return [bound for span in spans for bound in (span.start_time, span.end_time)]


def _first_stray(annotation: Annotation, candles: Candles) -> str:
    time = candles.time
    at, bound = next((i, b) for i, b in enumerate(_bounds(annotation)) if b not in time)
    key = "end_time" if at % 2 else "start_time"
    return f"annotation {annotation.id} ({annotation.label}), {key}: {_stray(bound, candles)}"


def _stray(bound: int, candles: Candles) -> str:
    time = candles.time
    nearest = int(time[int(np.abs(time - bound).argmin())])
    place = "outside the candles" if bound < time[0] or bound > time[-1] else "between candles"
    return f"found {_shown(bound)}, {place}, expected the open of a candle; the nearest is {_shown(nearest)}."


def _advice(strays: int, total: int, fitting: Sequence[tuple[str, int]]) -> str:
    if not fitting:
        return "Check pair and timeframe, or import the candles that are missing."
    places = ", ".join(f"{n} on {name}" for name, n in fitting[:5])
    if strays < total:
        return (
            f"Two charts seem to be mixed in one file: of those {strays}, there are {places}. "
            "Export each chart into its own file."
        )
    return f"Of those {strays}, there are {places}: name that pair and timeframe, if the file is its chart's."


def _shown(time: int) -> str:
    return f"{time} ({iso_utc(time)})" if abs(time) < 1e11 else f"{time} (no Unix seconds)"
