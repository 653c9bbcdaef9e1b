"""What the review queue saves: `python -m benchmarks.acquisition [--quick] [--strategies …] [--plot FILE]`.

Each of the series is labelled anew, place by place, by an annotator who knows all of its annotations (see
`mllib.simulating`): the first 70 % of the candles are the pool, the last 30 % the test, with 160 candles
between them that count for nobody. A label is one place shown, whatever is there. Both begin with the same
random places; then random places of 40 candles compete with the queue's. The window encoder with XGBoost
learns anew after every round.

What it costs is the labels until the mean span F1 over the seeds, made rising by isotonic regression, is
95 % of what all labels of the pool give. Intervals are 95 % of draws of seeds.

Nothing is chosen on what is reported: strategies were compared on the first 60 % of BTCUSDT alone, with other
seeds (`--development` does that again).
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.quality import DATA, load, print_table
from mllib.acquisition import AcquisitionConfig
from mllib.pipeline.simulating import PURGE_BARS, Plan, replay
from mllib.simulating import STRATEGIES, Comparison, Recipe, cost_table, curve_table, divide, draw
from mllib.training import LabelledSeries

TEST_SHARE = 0.3
DEVELOPMENT_SHARE = 0.6
DEVELOPMENT_SEED = 100


@dataclass(frozen=True)
class Task:
    """A series, and how much is spent on it."""

    pair: str
    rounds: int
    per_round: int


FULL = (Task("BTCUSDT", 18, 24), Task("EURUSD", 10, 8))
QUICK = (Task("BTCUSDT", 8, 30),)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", default=list(DATA))
    parser.add_argument(
        "--strategies", nargs="+", choices=STRATEGIES, default=["random", "margin", "entropy", "queue"]
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="BTCUSDT alone, two seeds, fewer rounds")
    parser.add_argument("--development", action="store_true", help="what strategies were chosen on")
    parser.add_argument("--plot", type=Path, help="where the picture of the first series goes")
    arguments = parser.parse_args()
    series = {one.candles.pair: one for one in load(arguments.data)}
    seeds = min(arguments.seeds, 2) if arguments.quick else arguments.seeds
    strategies = tuple(dict.fromkeys(["random", *arguments.strategies]))
    for task in QUICK if arguments.quick else FULL[:1] if arguments.development else FULL:
        one = series[task.pair]
        if arguments.development:
            one = earlier(one, DEVELOPMENT_SHARE)
        plan = Plan(strategies, task.rounds, task.per_round, seeds)
        found = compared(one, plan, first_seed=DEVELOPMENT_SEED if arguments.development else 0)
        if arguments.plot and task.pair == FULL[0].pair:
            title = f"{one.candles.name}: does asking pay? {seeds} seeds"
            arguments.plot.write_text(draw(found, title), encoding="utf-8")


def compared(series: LabelledSeries, plan: Plan, *, first_seed: int) -> Comparison:
    """Prints the tables of one series."""
    world = divide(series, test_share=TEST_SHARE, purge_bars=PURGE_BARS)
    began, said = time.monotonic(), -1

    def progress(done: float, what: str) -> None:
        nonlocal said
        if int(done * 20) > said:
            said = int(done * 20)
            print(f"{series.candles.name} {done:4.0%} {what}", file=sys.stderr, flush=True)

    found = replay(
        world, Recipe(), plan, acquisition=AcquisitionConfig(), first_seed=first_seed, progress=progress
    )
    exam = world.exam
    print(
        f"\n## {series.candles.name}: pool {len(world.pool)} candles with {len(world.truth)} spans, test "
        f"{int(exam.counts.sum())} with {exam.spans}; all labels: span F1 {found.all_labels:.3f}, 95 % of it "
        f"{found.target:.3f}; {plan.seeds} seeds, {time.monotonic() - began:.0f} s"
    )
    print_table("span F1 of the test, and its 95 % interval; spans told", *curve_table(found))
    print_table("labels to reach 95 % of the span F1 of all labels", *cost_table(found))
    return found


def earlier(series: LabelledSeries, share: float) -> LabelledSeries:
    """The first part of a series, and what lies wholly in it."""
    candles = series.candles[: round(len(series.candles) * share)]
    spans = [span for span in series.spans if span.end_time <= candles.time[-1]]
    reviewed = [replace(part, end_time=int(candles.time[-1])) for part in series.reviewed]
    return LabelledSeries(candles, spans, reviewed)


if __name__ == "__main__":
    main()
