"""TA-Lib's layers: derived from candles, replaced as a whole per function, never append-only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.spans import Annotation, PredictedSpan
from mllib.store import tables
from mllib.store.annotations import LabelCount
from mllib.store.database import Database
from mllib.store.engines import by_code_point
from mllib.store.series import ensure_series, find_series


@dataclass(frozen=True, slots=True)
class TalibLayer:
    """How far a function's layer of a series reaches (Unix s, the last candle that it saw)."""

    function: str
    labelled_to_time: int
    span_count: int


class TalibRepository:
    """Spans that a TA-Lib function found, per series and function."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(
        self,
        pair: str,
        timeframe: str,
        functions: Sequence[str],
        spans: Mapping[str, Sequence[PredictedSpan]],
        labelled_to_time: int,
    ) -> None:
        """Put these spans in the place of all that `functions` found before, in one transaction.

        A function without spans gets an empty layer.
        """
        names = list(dict.fromkeys(functions))
        with self._database.write() as session:
            series_id = ensure_series(session, pair, timeframe)
            _clear(session, series_id, names)
            rows = [_to_row(series_id, name, span) for name in names for span in spans.get(name, ())]
            layers = [_layer(series_id, name, labelled_to_time, len(spans.get(name, ()))) for name in names]
            if rows:
                session.execute(insert(tables.TalibSpan.__table__), rows)  # type: ignore[attr-defined]  # SQLModel hides it
            if layers:
                session.execute(insert(tables.TalibLayer), layers)

    def outdate(self, pair: str, timeframe: str) -> None:
        """Notes that every layer of a series is behind its candles, whatever becomes of what follows."""
        with self._database.write() as session:
            series_id = ensure_series(session, pair, timeframe)
            session.execute(
                update(tables.TalibLayer)
                .where(col(tables.TalibLayer.series_id) == series_id)
                .values(labelled_to_time=0)
            )

    def discard(self, pair: str, timeframe: str, functions: Sequence[str]) -> int:
        """Drops the layers of these functions; how many spans they had."""
        with self._database.write() as session:
            series_id = ensure_series(session, pair, timeframe)
            table = tables.TalibLayer
            dropped = select(func.coalesce(func.sum(col(table.span_count)), 0)).where(
                col(table.series_id) == series_id, col(table.function).in_(list(functions))
            )
            spans = int(session.scalar(dropped) or 0)
            _clear(session, series_id, list(functions))
        return spans

    def spans(
        self,
        pair: str,
        timeframe: str,
        functions: Sequence[str] | None = None,
        *,
        labels: Sequence[str] | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        limit: int | None = None,
    ) -> list[Annotation]:
        """The spans of some functions (None: of all) by start time, as annotations of the source `talib`.

        With bounds (Unix s) only those that share a candle with the closed range of times, of some
        labels or (None) of all, and the first `limit` of them.
        `id` is `talib:<function>:<label>:<start>:<end>`, `extra` holds `function` and `confidence`.
        """
        table = tables.TalibSpan
        names = ("function", "label", "start_time", "end_time", "confidence")
        with self._database.read() as session:
            query = select(*(col(getattr(table, name)) for name in names)).where(
                col(table.series_id) == find_series(session, pair, timeframe)
            )
            if functions is not None:
                query = query.where(col(table.function).in_(list(functions)))
            if start_time is not None:
                query = query.where(col(table.end_time) >= start_time)
            if end_time is not None:
                query = query.where(col(table.start_time) <= end_time)
            if labels is not None:
                query = query.where(col(table.label).in_(list(labels)))
            order = (
                col(table.start_time),
                col(table.end_time),
                by_code_point(col(table.function)),
                col(table.id),
            )
            return [_from_row(*row) for row in session.execute(query.order_by(*order).limit(limit))]

    def layers(self, pair: str, timeframe: str) -> dict[str, TalibLayer]:
        """The layers of a series by function."""
        table = tables.TalibLayer
        with self._database.read() as session:
            rows = session.execute(
                select(col(table.function), col(table.labelled_to_time), col(table.span_count))
                .where(col(table.series_id) == find_series(session, pair, timeframe))
                .order_by(by_code_point(col(table.function)))
            ).all()
        return {row.function: TalibLayer(*row) for row in rows}

    def counts(self) -> list[LabelCount]:
        """Spans per series and label."""
        series, table = tables.Series, tables.TalibSpan
        groups = (col(series.pair), col(series.timeframe), col(table.label))
        query = select(*groups, func.count()).join(table, col(table.series_id) == col(series.id))
        with self._database.read() as session:
            rows = session.execute(query.group_by(*groups).order_by(*map(by_code_point, groups))).all()
        return [LabelCount(pair, timeframe, label, "talib", n) for pair, timeframe, label, n in rows]


def _clear(session: Session, series_id: int, functions: list[str]) -> None:
    for table in (tables.TalibSpan, tables.TalibLayer):
        session.execute(
            delete(table).where(col(table.series_id) == series_id, col(table.function).in_(functions)),
            execution_options={"synchronize_session": False},
        )


def _to_row(series_id: int, function: str, span: PredictedSpan) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "function": function,
        "label": span.label,
        "start_time": int(span.start_time),
        "end_time": int(span.end_time),
        "confidence": float(span.avg_confidence),
    }


def _layer(series_id: int, function: str, labelled_to_time: int, span_count: int) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "function": function,
        "labelled_to_time": int(labelled_to_time),
        "span_count": span_count,
    }


def _from_row(function: str, label: str, start_time: int, end_time: int, confidence: float) -> Annotation:
    return Annotation(
        label=label,
        start_time=start_time,
        end_time=end_time,
        id=f"talib:{function}:{label}:{start_time}:{end_time}",
        source="talib",
        extra={"function": function, "confidence": confidence},
    )
