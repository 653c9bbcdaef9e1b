"""What the gate refuses and notes of a file, its rows as they are written, and what would change."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app.words import candle_time, count
from mllib.candle_files import FileRows, RawCandles
from mllib.candle_gate import GateReport
from mllib.candle_merging import Comparison
from mllib.candles import PRICE_COLUMNS, Candles
from mllib.market_gaps import MarketGap
from mllib.pipeline.previewing import ImportPreview, SourceFile, rows_near
from mllib.price_adjustment import PriceSplit, SuspectedSplit, adjustment_words, split_words

_MOST_CHANGES = 200


def show_refusals(source: SourceFile, found: ImportPreview) -> None:
    """What the gate refuses, each with the rows where it begins."""
    assert source.raw is not None, "only a file that was read is judged"
    for refusal in found.refusals:
        st.error(str(refusal), icon=":material/block:")
        if refusal.row is not None:
            near = rows_near(source.raw, refusal.row)
            near["row"] = _numbered(near["row"].tolist(), refusal.row)
            show_candles(near)


def show_findings(raw: RawCandles, found: ImportPreview) -> None:
    """What the gate found in candles, what was assumed, and what would be stored."""
    if found.refusals:
        _line("block", f"{count(len(found.refusals), 'fault')}, told above: nothing can be stored like this.")
    if found.report is not None:
        _line("check", _range_words(found.report))
        _line("date_range", gaps_words(found.gaps, len(found.report.gaps)))
        for split in found.report.splits:
            _line("call_split", f"Looks like a split that is not adjusted for: {_split_words(split)}.")
        if found.report.volume_is_zero:
            _line("info", "The volume is 0 throughout.")
    for split in found.adjusted:
        _line("call_split", adjustment_words(split))
    if found.comparison is not None:
        _line("database", _stored_words(found.comparison))
    for note in raw.notes:
        _line("info", note)


_TIME = st.column_config.DatetimeColumn("time (UTC)", format="YYYY-MM-DD HH:mm:ss")


def show_candles(frame: pd.DataFrame) -> None:
    """Candles with all digits of their numbers; `time` is in UTC."""
    plain = {
        name: st.column_config.NumberColumn(format="plain") for name in frame.select_dtypes("float").columns
    }
    st.dataframe(frame, hide_index=True, column_config={"time": _TIME, **plain})


def _line(icon: str, sentence: str) -> None:
    st.markdown(f":material/{icon}: &nbsp;{sentence}")


def _range_words(report: GateReport) -> str:
    first, last = (candle_time(time, report.timeframe) for time in (report.first_time, report.last_time))
    return (
        f"{count(report.rows, 'candle')} from {first} to {last}: in order, none twice, "
        "open and close between low and high."
    )


def gaps_words(gaps: Sequence[MarketGap], closed: int) -> str:
    """What is missing of candles in which the gate found so many interruptions."""
    holes = [gap for gap in gaps if not gap.is_day_off]
    if not holes:
        usual = f" ({count(closed, 'interruption')}: nights, weekends, days off)" if closed else ""
        return f"No candles are missing while the market is open{usual}."
    most = max(holes, key=lambda gap: gap.missing)
    return (
        f"{count(sum(gap.missing for gap in holes), 'candle')} missing in {count(len(holes), 'gap')} while "
        f"the market is open; the longest, {most.missing:,}, after {candle_time(most.after_time, '1h')}."
    )


def _stored_words(found: Comparison) -> str:
    report = found.report
    if found.stored is None:
        return "A new series: nothing is stored under this name yet."
    return (
        f"To append to {count(len(found.stored), 'stored candle')}: {report.added:,} new, "
        f"{report.unchanged:,} there already, {report.changed:,} would change."
    )


def split_choice(suspected: Sequence[SuspectedSplit], *, key: str) -> tuple[PriceSplit, ...]:
    """The splits for which prices and volume are to be adjusted."""
    words = {_split_words(split): PriceSplit(split.time, split.ratio) for split in suspected}
    chosen = st.multiselect(
        "Adjust for splits",
        list(words),
        key=key,
        placeholder=f"{count(len(words), 'open')} that may be a split",
        help="Prices from before a split are put into the newest shares. Left as they are, such a jump makes "
        "false patterns.",
    )
    return tuple(words[one] for one in chosen)


def _split_words(split: SuspectedSplit) -> str:
    doubts = f" ({'; '.join(split.doubts)})" if split.doubts else ""
    return f"{candle_time(split.time, '1d')}, {split_words(split.ratio)}{doubts}"


def show_rows(rows: FileRows, *, headers: Mapping[str, str] | None = None, marked: int | None = None) -> None:
    """Rows of a file, each column under its own name and what it was taken for."""
    meanings = rows.meanings if headers is None else {name: meaning for meaning, name in headers.items()}
    numbers = list(range(rows.first, rows.first + len(rows.rows)))
    cells = {"row": _numbered(numbers, marked)} if marked is not None else {}
    seen: Counter[str] = Counter()
    for at, name in enumerate(rows.names):
        seen[name] += 1
        shown = _column_words(name, meanings.get(name) if seen[name] == 1 else None)
        cells[f"{shown} ({seen[name]})" if seen[name] > 1 else shown] = [
            row[at] if at < len(row) else "" for row in rows.rows
        ]
    st.dataframe(pd.DataFrame(cells), hide_index=True)


def _column_words(name: str, meaning: str | None) -> str:
    if meaning is None:
        return f"{name} (left out)"
    return name if name == meaning else f"{name} → {meaning}"


def _numbered(numbers: Sequence[int], marked: int | None) -> list[str]:
    return [f"▸ {number:,}" if number == marked else f"{number:,}" for number in numbers]


def show_changes(found: Comparison, candles: Candles | None) -> None:
    """The stored candles that would get other values: as stored, and as in the file."""
    if found.stored is None or candles is None:
        return
    times = found.changed_times[:_MOST_CHANGES]
    stored = found.stored.to_frame().iloc[np.searchsorted(found.stored.time, times)].reset_index(drop=True)
    given = candles.to_frame().iloc[np.searchsorted(candles.time, times)].reset_index(drop=True)
    table = pd.DataFrame({"time": pd.to_datetime(times, unit="s")})
    for name in (*PRICE_COLUMNS, "volume"):
        if name in stored and name in given:
            table[f"{name}, stored"], table[f"{name}, file"] = stored[name], given[name]
    show_candles(table)
    if len(found.changed_times) > len(times):
        st.caption(f"The first {len(times)} of {len(found.changed_times):,}.")
