"""Which columns of a row are steps of a sequence, told by their names, and which stand beside it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mllib.errors import InvalidConfig
from mllib.features import Column

_CANDLE = re.compile(r"candle_(?P<price>open|high|low|close)@(?P<lag>[+-]\d+)")
_POINT = re.compile(r"path_close_(?P<at>\d+)")
_ENVELOPE = re.compile(r"path_(?P<line>high|low)_(?P<at>\d+)")


@dataclass(frozen=True, slots=True)
class Steps:
    """Positions of columns: `order` of the steps in time, each its channels, and of those `beside` them.

    `judged` is the step that the row judges; None where it judges all of them, as a window's row does.
    """

    order: tuple[tuple[int, ...], ...]
    judged: int | None
    beside: tuple[int, ...]

    @classmethod
    def of(cls, columns: Sequence[Column], *, model: str) -> "Steps":
        """The steps of a candle's row (`features.sequence`), or of a window's outline.

        Raises:
            InvalidConfig: the columns hold neither.
        """
        names = [column.name for column in columns]
        order, judged = _candles(names)
        if not order:
            order, judged = _outline(names), None
        if not order:
            raise InvalidConfig(
                f"stages.annotation_ingestion.label_encoding: found rows of {len(names)} columns without a "
                f"sequence for {model}, expected candles one by one or the outline of a window. Choose bio, "
                "window or combined, or another model."
            )
        used = {at for step in order for at in step}
        return cls(order, judged, tuple(i for i in range(len(names)) if i not in used))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"order": [*map(list, self.order)], "judged": self.judged, "beside": list(self.beside)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Steps":
        """The steps that `to_dict` wrote down."""
        return cls(tuple(map(tuple, saved["order"])), saved["judged"], tuple(saved["beside"]))


def _candles(names: Sequence[str]) -> tuple[tuple[tuple[int, ...], ...], int | None]:
    """One step for each candle, and which of them is the row's own."""
    at = {
        (int(found["lag"]), found["price"]): i
        for i, name in enumerate(names)
        if (found := _CANDLE.fullmatch(name))
    }
    lags, prices = sorted({lag for lag, _ in at}), sorted({price for _, price in at})
    order = tuple(tuple(at[lag, price] for price in prices) for lag in lags)
    return order, lags.index(0) if lags else None


def _outline(names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """One step for each point of a window's closes, with the highs and lows of the bin that it lies in."""
    points = {int(found["at"]): i for i, name in enumerate(names) if (found := _POINT.fullmatch(name))}
    bins: dict[str, dict[int, int]] = {}
    for i, name in enumerate(names):
        if found := _ENVELOPE.fullmatch(name):
            bins.setdefault(found["line"], {})[int(found["at"])] = i
    return tuple(
        (points[at], *(line[n * len(line) // len(points)] for _, line in sorted(bins.items())))
        for n, at in enumerate(sorted(points))
    )
