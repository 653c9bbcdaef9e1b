"""Use cases that look at stored series: what there is of each, and where its candles are missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mllib.candle_archive import SeriesInfo
from mllib.candle_gate import check_arrays
from mllib.errors import NotFound
from mllib.market_gaps import MarketGap, market_gaps
from mllib.pipeline.workspace import Workspace
from mllib.timeframes import parse_timeframe


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A stored series with the spans of it by source, and when its file changed last (Unix s)."""

    info: SeriesInfo
    spans: Mapping[str, int]
    verdicts: int
    changed_at: float

    @property
    def name(self) -> str:
        """Such as `EURUSD 1h`."""
        return f"{self.info.pair} {self.info.timeframe}"


@dataclass(frozen=True, slots=True)
class SeriesList:
    """What is stored, by pair and timeframe; `damaged` says of files that cannot be read what to do."""

    series: list[StoredSeries]
    damaged: dict[str, str]


def named_series(ws: Workspace, pairs: Sequence[str], timeframe: str | None) -> list[tuple[str, str]]:
    """The series of some pairs, by default of all, in one timeframe or in all that are stored.

    Raises:
        NotFound: nothing is stored of a pair, or nothing at all.
        InvalidCandles: there is no such timeframe.
    """
    wanted = None if timeframe is None else parse_timeframe(timeframe)
    stored = [(one.pair, one.timeframe) for one in ws.candles.list() if wanted in (None, one.timeframe)]
    for pair in pairs:
        if all(one[0] != pair for one in stored):
            ws.candles.version(pair, wanted or "1h")  # says what is stored instead
    chosen = [one for one in stored if not pairs or one[0] in pairs]
    if not chosen:
        raise NotFound(
            f"candles: found none stored{'' if wanted is None else f' of {wanted}'}, expected some series. "
            "Import some with `candleloop candles import`."
        )
    return chosen


def require_known(ws: Workspace, pair: str, timeframe: str | None = None) -> None:
    """Passes a series, or a pair in any timeframe, that has candles or of which something was said.

    Raises:
        NotFound: nothing is known of it.
    """
    known = {(one.pair, one.timeframe) for one in ws.store.series.list()}
    readable = ws.candles.list(on_damaged=lambda *damaged: known.add(damaged[:2]))
    known.update((one.pair, one.timeframe) for one in readable)
    if not any(one[0] == pair and timeframe in (None, one[1]) for one in known):
        name = pair if timeframe is None else f"{pair} {timeframe}"
        raise NotFound(
            f"{name}: found nothing of it, neither candles nor annotations, expected a series that is known. "
            "Choose one of `candleloop candles list`."
        )


def list_series(ws: Workspace) -> SeriesList:
    """Every stored series."""
    damaged: dict[str, str] = {}

    def note(pair: str, timeframe: str, error: Exception) -> None:
        damaged[f"{pair} {timeframe}"] = str(error)

    spans = _spans(ws)
    verdicts: dict[tuple[str, str], int] = {}
    for one in ws.store.verdicts.list():
        verdicts[one.pair, one.timeframe] = verdicts.get((one.pair, one.timeframe), 0) + 1
    found = [
        StoredSeries(
            info,
            spans.get((info.pair, info.timeframe), {}),
            verdicts.get((info.pair, info.timeframe), 0),
            ws.candles.changed_at(info.pair, info.timeframe),
        )
        for info in ws.candles.list(on_damaged=note)
    ]
    return SeriesList(found, damaged)


def _spans(ws: Workspace) -> dict[tuple[str, str], dict[str, int]]:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for one in (*ws.store.annotations.counts(), *ws.store.talib.counts()):
        sources = counts.setdefault((one.pair, one.timeframe), {})
        sources[one.source] = sources.get(one.source, 0) + one.count
    return counts


def gaps_of(ws: Workspace, *, pair: str, timeframe: str) -> list[MarketGap]:
    """Where candles of a stored series are missing though its market is usually open, by time.

    Raises:
        NotFound: there is no such series.
        NotReady: its file cannot be read.
    """
    candles = ws.candles.read(pair, timeframe)
    return market_gaps(candles, check_arrays(candles).gaps)
