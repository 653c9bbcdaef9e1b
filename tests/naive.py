"""Slow, obvious references that the tests compare with, and candles to run them on."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from mllib.candle_gate import check_candles
from mllib.candles import Candles
from mllib.spans import ReviewedRange, Span
from mllib.timeframes import SECONDS

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
MONDAY = 1_704_067_200
"""2024-01-01, a Monday, at midnight UTC."""


@lru_cache
def sample(name: str) -> Candles:
    """A sample series such as `EURUSD_1h`, whole."""
    pair, _, timeframe = name.rpartition("_")
    frame = pd.read_parquet(SAMPLES / f"{name}.parquet")
    return check_candles(frame, pair=pair, timeframe=timeframe)[0]


def walk(n: int, *, seed: int, timeframe: str = "1h", weekends: bool = True, volume: bool = True) -> Candles:
    """A random walk with dojis, flat candles and gaps; with `weekends` no bar opens on one."""
    rng = np.random.default_rng(seed)
    step = SECONDS[timeframe]
    time = MONDAY + step * np.arange(2 * n + 200 * 86_400 // step, dtype=np.int64)
    if weekends:
        time = time[(time // 86_400 + 3) % 7 < 5]
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.004, n)))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.001, n))
    same = rng.random(n) < 0.1
    close[same] = open_[same]
    wick = np.where(rng.random(n) < 0.1, 0.0, rng.exponential(0.2, n))
    high, low = np.maximum(open_, close) + wick, np.minimum(open_, close) - wick[::-1]
    amount = rng.integers(0, 1_000, n).astype(float) if volume else None
    return Candles("WALK", timeframe, time[:n], open_, high, low, close, amount)


def changed(candles: Candles, bars: np.ndarray, *, seed: int) -> Candles:
    """The candles with other prices and volumes where `bars (n_bars,)` is true."""
    other = walk(len(candles), seed=seed)
    pick = {name: np.where(bars, getattr(other, name), getattr(candles, name)) for name in PRICES}
    volume = None if candles.volume is None else np.where(bars, other.volume, candles.volume)
    return Candles(candles.pair, candles.timeframe, candles.time, **pick, volume=volume)


PRICES = ("open", "high", "low", "close")


def islands(inside: Sequence[bool], ticks: Sequence[bool], reach: int) -> list[tuple[int, int]]:
    """Runs of true, broken at every tick that has `reach` bars of its run on either side."""
    found, start = [], None
    for bar, is_in in enumerate([*inside, False]):
        if is_in and start is None:
            start = bar
        if not is_in and start is not None:
            cuts = [t for t in range(start + reach, bar - reach + 1) if ticks[t]]
            edges = [start, *cuts, bar]
            found += list(pairwise(edges))
            start = None
    return found


def lane_score(states: str, begin: Sequence[float], inside: Sequence[float], enter_cost: float) -> float:
    """The log probability of a lane such as `OBII`, minus infinity where it is not allowed."""
    score, before = 0.0, "O"
    for state, b, i in zip(states, begin, inside, strict=True):
        if state == "I" and before == "O":
            return -np.inf
        total = max(b + i, 1.0)
        p = {"O": 1 - b / total - i / total, "B": b / total, "I": i / total}[state]
        score += np.log(max(p, 1e-9)) - (enter_cost if state == "B" else 0)
        before = state
    return score


def best_lane(begin: Sequence[float], inside: Sequence[float], enter_cost: float) -> str:
    """The best lane: for each bar and state the best way there, in a table of strings."""
    best = {"": ""}
    for bar in range(len(begin)):
        longer = [lane + state for lane in best.values() for state in "OBI"]
        part = begin[: bar + 1], inside[: bar + 1]
        best = {
            state: max(
                (lane for lane in longer if lane[-1] == state),
                key=lambda lane, part=part: lane_score(lane, *part, enter_cost),
            )
            for state in "OBI"
        }
    return max(best.values(), key=lambda lane: lane_score(lane, begin, inside, enter_cost))


def spans_of(lane: str) -> list[tuple[int, int]]:
    """The half-open spans of a lane: each B and the I after it."""
    found = []
    for bar, state in enumerate(lane):
        if state == "B":
            end = bar + 1
            while end < len(lane) and lane[end] == "I":
                end += 1
            found.append((bar, end))
    return found


def iou(a: Sequence[int], b: Sequence[int]) -> float:
    """Intersection over union of half-open spans, bar by bar."""
    bars_a, bars_b = set(range(*a)), set(range(*b))
    return len(bars_a & bars_b) / len(bars_a | bars_b) if bars_a | bars_b else 0.0


def mostly_on(span: Sequence[int], chosen: Sequence[bool]) -> bool:
    """Whether more than half of the bars of a half-open span are chosen."""
    bars = range(*span)
    return sum(chosen[bar] for bar in bars) > len(bars) / 2


def match(a: Sequence[Sequence[int]], b: Sequence[Sequence[int]], least_iou: float) -> list[tuple[int, int]]:
    """One-to-one pairs, always the best that is left; ties to the earlier of `a`, then of `b`."""
    pairs = [(-iou(a[i], b[j]), i, j) for i in range(len(a)) for j in range(len(b))]
    chosen: list[tuple[int, int]] = []
    for negative, i, j in sorted(pairs):
        if -negative >= max(least_iou, 1e-12) and all(i != p and j != q for p, q in chosen):
            chosen.append((i, j))
    return chosen


def side_by_side(
    a: Sequence[Span], b: Sequence[Span], time: Sequence[int], least_iou: float
) -> list[tuple[str, int | None, int | None, int | None, int | None]]:
    """Kind, index in `a`, index in `b` and how many bars later `b` starts and ends, in no order.

    The best pair of one label again and again, then the best pair that is left, then every span that is left.
    """
    bars_a, bars_b = ([[t for t in time if s.start_time <= t <= s.end_time] for s in side] for side in (a, b))
    left_a, left_b, found = set(range(len(a))), set(range(len(b))), []

    def shared(i: int, j: int) -> float:
        both = {*bars_a[i]} | {*bars_b[j]}
        return len({*bars_a[i]} & {*bars_b[j]}) / len(both) if both else 0.0

    for one_label in (True, False):
        while pairs := [
            (-shared(i, j), i, j)
            for i in left_a
            for j in left_b
            if shared(i, j) >= least_iou and (a[i].label == b[j].label or not one_label)
        ]:
            _, i, j = min(pairs)
            start, end = (time.index(bars_b[j][at]) - time.index(bars_a[i][at]) for at in (0, -1))
            same = "agreement" if start == end == 0 else "boundary_mismatch"
            found.append((same if one_label else "label_mismatch", i, j, start, end))
            left_a.remove(i)
            left_b.remove(j)
    found += [("only_in_a", i, None, None, None) for i in left_a]
    return found + [("only_in_b", None, j, None, None) for j in left_b]


def bars_of(span: Span, candles: Candles) -> set[int]:
    """The bars that a span covers."""
    return {i for i, t in enumerate(candles.time.tolist()) if span.start_time <= t <= span.end_time}


def looked_at(label: str, candles: Candles, reviewed: Sequence[ReviewedRange]) -> set[int]:
    """The bars where someone looked for a label."""
    return {
        i
        for i, t in enumerate(candles.time.tolist())
        for part in reviewed
        if label in part.labels and part.start_time <= t <= part.end_time
    }


def average_precision(confidence: Sequence[float], right: Sequence[bool], true: int) -> float:
    """Precision summed over the steps of recall, cut by cut from the highest."""
    total, before = 0.0, 0.0
    for cut in sorted(set(confidence), reverse=True):
        kept = [ok for p, ok in zip(confidence, right, strict=True) if p >= cut]
        total += (sum(kept) / true - before) * sum(kept) / len(kept)
        before = sum(kept) / true
    return total


def pooled_f1(blocks: Sequence[Sequence[Sequence[int]]]) -> float:
    """Span F1 of blocks of `(true, predicted, matched)` of each label."""
    true, predicted, matched = (sum(counts[i] for block in blocks for counts in block) for i in range(3))
    return 2 * matched / (true + predicted) if true + predicted else 0.0


def calibration_error(
    pairs: Sequence[tuple[float, bool]], bins: int
) -> tuple[float, list[tuple[int, float, float]]]:
    """The expected calibration error over bins of equal mass, and each bin's count, confidence and rate."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    n, table = len(ordered), []
    for k in range(bins):
        size = n // bins + (1 if k < n % bins else 0)
        first = sum(count for count, _, _ in table)
        part = ordered[first : first + size]
        if part:
            confidence = sum(p for p, _ in part) / len(part)
            table.append((len(part), confidence, sum(true for _, true in part) / len(part)))
    return sum(count / n * abs(c - o) for count, c, o in table), table


def log_loss(P: np.ndarray, Y: np.ndarray) -> float:
    """Minus the mean log probability of what happened; what was thought impossible had one in ten million."""
    P = np.clip(P.astype(float), 1e-7, 1 - 1e-7)
    return float(np.mean([-np.log(p if y else 1 - p) for p, y in zip(P.ravel(), Y.ravel(), strict=True)]))


def candles_of(closes: Sequence[float], *, seed: int = 0) -> Candles:
    """Hourly candles with these closes; each opens at the close before and has wicks."""
    rng = np.random.default_rng(seed)
    close = np.array(closes, np.float64)
    open_ = np.concatenate([close[:1], close[:-1]])
    up, down = rng.uniform(0, 0.01, (2, len(close)))
    high, low = np.maximum(open_, close) * (1 + up), np.minimum(open_, close) * (1 - down)
    return Candles("MADE", "1h", MONDAY + 3_600 * np.arange(len(close)), open_, high, low, close)


def bars_until_beyond(closes: Sequence[float], bar: int, *, step: int, up: bool, cap: int) -> int:
    """How many bars back (`step` -1) or ahead (1) a close beyond that of a bar is, `cap + 1` if none is."""
    for distance in range(1, cap + 1):
        other = bar + step * distance
        if 0 <= other < len(closes) and (closes[other] > closes[bar] if up else closes[other] < closes[bar]):
            return distance
    return cap + 1


def is_swing(closes: Sequence[float], bar: int, *, least_bars: int) -> bool:
    """Whether no close around a bar is higher than its own, or none lower."""
    around = closes[max(bar - least_bars, 0) : bar + least_bars + 1]
    return closes[bar] == max(around) or closes[bar] == min(around)


def outline(candles: Candles, start: int, end: int, *, cap: int) -> list[float]:
    """What proposals know of a window: lengths, levels, height, and how far its extremes stand out."""
    closes = np.log(candles.close).tolist()
    inside, bars = closes[start:end], end - start
    height = max(max(inside) - min(inside), 1e-9)
    previous = [closes[0], *closes[:-1]]
    ranges = [
        max(high, before) - min(low, before)
        for high, low, before in zip(
            np.log(candles.high).tolist(), np.log(candles.low).tolist(), previous, strict=True
        )
    ]
    usual = max(sum(ranges[start:end]) / bars * bars**0.5, 1e-9)
    top, bottom = inside.index(max(inside)), inside.index(min(inside))

    def away(bar: int, *, up: bool) -> tuple[int, int]:
        before = bars_until_beyond(closes, start + bar, step=-1, up=up, cap=cap)
        return before, min(bars_until_beyond(closes, start + bar, step=1, up=up, cap=cap), bars - bar)

    levels = [(close - min(inside)) / height for close in (inside[0], inside[-1])]
    return [
        bars, bars - 1 - top, bars - 1 - bottom, *levels, float(np.log(height / usual)),
        min(away(0, up=True)), min(away(0, up=False)), *away(top, up=True), *away(bottom, up=False),
    ]  # fmt: skip


def fixed_windows(candles: Candles, size: int) -> list[tuple[int, int]]:
    """Windows of one size that begin at every eighth of it by the clock."""
    hours = [t // SECONDS[candles.timeframe] for t in candles.time.tolist()]
    return [
        (start, start + size)
        for start in range(len(hours) - size + 1)
        if hours[start] % max(size // 8, 1) == 0
    ]


def unsuppressed(windows: Sequence[Sequence[int]], P: Sequence[float], same_iou: float) -> list[int]:
    """The windows that no better one overlaps by more; of equals the earlier, then the shorter is better."""
    better = [(-p, *window) for window, p in zip(windows, P, strict=True)]
    return [
        i
        for i, one in enumerate(windows)
        if not any(iou(one, two) > same_iou and better[j] < better[i] for j, two in enumerate(windows))
    ]


def largest_over(windows: Sequence[Sequence[int]], P: Sequence[float], n_bars: int) -> list[float]:
    """For each bar the largest probability of a window over it."""
    return [
        max((p for (start, end), p in zip(windows, P, strict=True) if start <= bar < end), default=0.0)
        for bar in range(n_bars)
    ]


def window_targets(
    windows: Sequence[Sequence[int]],
    truth: Sequence[Sequence[int]],
    looked: set[int],
    *,
    least_iou: float,
    as_good: float,
    nearly_as_good: float,
) -> str:
    """A character a window: 1 for one as good as the best of some span, ? for what is not known, else 0."""
    best = {span: max((iou(window, span) for window in windows), default=0.0) for span in map(tuple, truth)}
    said = ""
    for window in windows:
        shared = {span: iou(window, span) for span in best if iou(window, span) > 0}
        if any(one >= as_good * best[span] and one >= least_iou for span, one in shared.items()):
            said += "1"
        elif any(one >= nearly_as_good * best[span] for span, one in shared.items()):
            said += "?"
        else:
            said += "0" if set(range(*window)) <= looked else "?"
    return said


def watched(candles: Candles, bar: int) -> dict[str, float]:
    """What is watched of a bar from the 22nd on for drift, in plain arithmetic; NaN where it is not known."""
    high, low, open_, close = (getattr(candles, name).tolist() for name in ("high", "low", "open", "close"))

    def true_range(at: int) -> float:
        return max(high[at], close[at - 1]) - min(low[at], close[at - 1])

    before = range(bar - 20, bar)
    usual = sum(true_range(at) for at in before) / 20 or np.nan
    height = high[bar] - low[bar]
    parts = {
        "body_share": abs(close[bar] - open_[bar]),
        "upper_wick_share": high[bar] - max(open_[bar], close[bar]),
        "lower_wick_share": min(open_[bar], close[bar]) - low[bar],
    }
    gap = abs(open_[bar] - close[bar - 1]) / usual
    found = {name: part / height if height else 0.0 for name, part in parts.items()} | {
        "close_change": (close[bar] - close[bar - 1]) / usual,
        "range_ratio": true_range(bar) / usual,
        "gap_size": 0.0 if gap < 0.05 else gap,
    }
    if candles.volume is not None:
        volume = candles.volume.tolist()
        found["volume_ratio"] = volume[bar] / (sum(volume[at] for at in before) / 20 or np.nan)
    return found


def psi(trained: Sequence[float], found: Sequence[float]) -> float:
    """The population stability index over deciles of `trained`, half a value added to each bin."""
    ordered = sorted(trained)
    edges = sorted({ordered[-(-len(ordered) * tenth // 10) - 1] for tenth in range(1, 10)})

    def shares(values: Sequence[float]) -> list[float]:
        bins = [[v for v in values if low < v <= high] for low, high in pairwise([-np.inf, *edges, np.inf])]
        return [(len(one) + 0.5) / (len(values) + 0.5 * len(bins)) for one in bins]

    return sum((p - q) * float(np.log(p / q)) for p, q in zip(shares(trained), shares(found), strict=True))


def market_is_open(candles: Candles) -> list[bool]:
    """Whether each slot of the week, from Thursday 00:00 on, is usually traded; from four weeks on."""
    length = SECONDS[candles.timeframe]
    slots = SECONDS["1w"] // length
    weeks: list[set[int]] = [set() for _ in range(slots)]
    for time in candles.time.tolist():
        week, within = divmod(time // length, slots)
        weeks[within].add(week)
    most = max(len(one) for one in weeks)
    return [most - len(one) <= max(0.2 * most, 2) for one in weeks]


def missing_while_open(candles: Candles, after_time: int, before_time: int) -> int:
    """The candles missing between two neighbours in slots of the week that are usually traded."""
    length, is_open = SECONDS[candles.timeframe], market_is_open(candles)
    slots = range(after_time // length + 1, before_time // length)
    return sum(is_open[slot % len(is_open)] for slot in slots)


def candle_overview(candles: Candles, bars_per_candle: int) -> list[dict[str, float]]:
    """Candles that each stand for several, one after the other."""
    rows = []
    for first in range(0, len(candles), bars_per_candle):
        part = candles[first : first + bars_per_candle]
        row = {
            "time": part.time.tolist()[0],
            "open": part.open.tolist()[0],
            "high": max(part.high.tolist()),
            "low": min(part.low.tolist()),
            "close": part.close.tolist()[-1],
        }
        if part.volume is not None:
            row["volume"] = sum(part.volume.tolist())
        rows.append(row)
    return rows
