"""Which time stored series cover, and where their candles are missing, as one figure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import plotly.graph_objects as go

from app.words import candle_time, count
from mllib.market_gaps import MarketGap
from mllib.pipeline.series_listing import StoredSeries

_STORED, _MISSING = "#5c93c9", "#e08a2e"
_STRIP_PX, _ROW_PX = 14, 34
_MOST_DRAWN = 400


def timeline(series: Sequence[StoredSeries], gaps: Mapping[str, Sequence[MarketGap]]) -> go.Figure:
    """A strip a series; a mark where candles are missing, also where a gap is thinner than a pixel.

    Days off are not drawn. Of very many gaps the longest are.
    """
    figure = go.Figure()
    for one in series:
        drawn = longest(gaps[one.name], _MOST_DRAWN)
        figure.add_trace(_strip(one, drawn))
        if drawn:
            figure.add_trace(_marks(one, drawn))
    names = [one.name for one in series]
    figure.update_layout(
        height=_ROW_PX * len(names) + 56,
        margin={"l": 6, "r": 12, "t": 6, "b": 6},
        showlegend=False,
        hovermode="closest",
        yaxis={"categoryorder": "array", "categoryarray": names[::-1], "showgrid": False, "fixedrange": True},
        xaxis={"type": "date", "showgrid": True},
    )
    return figure


def longest(gaps: Sequence[MarketGap], most: int) -> list[MarketGap]:
    """The gaps that are no days off, by time; of more than `most` those that lack most candles."""
    holes = [gap for gap in gaps if not gap.is_day_off]
    return sorted(sorted(holes, key=lambda gap: -gap.missing)[:most])


def gap_words(one: StoredSeries, gaps: Sequence[MarketGap]) -> str:
    """What is missing of a series, as a sentence."""
    holes = longest(gaps, len(gaps))
    days_off = len(gaps) - len(holes)
    beside = f" {count(days_off, 'day')} off." if days_off else ""
    if not holes:
        return f"**{one.name}** lacks nothing while its market is open.{beside}"
    most = max(holes, key=lambda gap: gap.missing)
    return (
        f"**{one.name}** lacks {count(sum(gap.missing for gap in holes), 'candle')} in "
        f"{count(len(holes), 'gap')}; the longest, {most.missing:,}, after "
        f"{candle_time(most.after_time, one.info.timeframe)}.{beside}"
    )


def _strip(one: StoredSeries, gaps: Sequence[MarketGap]) -> go.Scatter:
    """The stored time, broken off at each gap."""
    x: list[datetime | None] = [_moment(one.info.first_time)]
    for gap in gaps:
        x += [_moment(gap.after_time), None, _moment(gap.before_time)]
    x.append(_moment(one.info.last_time))
    timeframe = one.info.timeframe
    said = (
        f"{one.name}<br>{one.info.rows:,} candles<br>{candle_time(one.info.first_time, timeframe)} to "
        f"{candle_time(one.info.last_time, timeframe)}<extra></extra>"
    )
    return go.Scatter(
        x=x,
        y=[None if moment is None else one.name for moment in x],
        mode="lines",
        line={"color": _STORED, "width": _STRIP_PX},
        hovertemplate=said,
    )


def _marks(one: StoredSeries, gaps: Sequence[MarketGap]) -> go.Scatter:
    timeframe = one.info.timeframe
    hover = [
        f"{one.name}<br>{count(gap.missing, 'candle')} missing<br>after "
        f"{candle_time(gap.after_time, timeframe)}<br>until {candle_time(gap.before_time, timeframe)}"
        for gap in gaps
    ]
    return go.Scatter(
        x=[_moment((gap.after_time + gap.before_time) // 2) for gap in gaps],
        y=[one.name] * len(gaps),
        mode="markers",
        marker={
            "symbol": "line-ns-open",
            "size": _STRIP_PX + 4,
            "color": _MISSING,
            "line": {"width": 2, "color": _MISSING},
        },
        hovertext=hover,
        hoverinfo="text",
    )


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC).replace(tzinfo=None)
