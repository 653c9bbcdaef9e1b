from dataclasses import replace

import numpy as np
import pytest

from mllib.evaluation import BootstrapConfig, evaluate
from mllib.evaluation.bootstrap import Blocks, ResampledSpans, intervals
from mllib.evaluation.candles import candle_labels, candle_metrics
from mllib.evaluation.spans import HIT, MISS, span_events
from tests import naive
from tests.evaluation.judging import LABELS, LONG, judged, noisy

CONFIG = BootstrapConfig(block_bars=100, resamples=50)


def test_a_draw_scores_as_its_blocks_put_together() -> None:
    part = noisy(1)
    blocks = Blocks.of([part], CONFIG)
    events = {label: span_events([part], label)[0.5] for label in LABELS}
    drawn = ResampledSpans.of(blocks, events).micro
    for draw in range(10):
        together = []
        for number, times in zip(blocks.numbers, blocks.draws[draw].astype(int), strict=True):
            inside = {
                label: e.kind[e.time // blocks.length_s == number].tolist() for label, e in events.items()
            }
            counts = [
                (sum(k in (HIT, MISS) for k in kinds), sum(k != MISS for k in kinds), kinds.count(HIT))
                for kinds in inside.values()
            ]
            together += [counts] * times
        assert drawn[draw] == pytest.approx(naive.pooled_f1(together))


def test_a_draw_of_candles_scores_as_its_blocks_put_together() -> None:
    part = noisy(2)
    blocks = Blocks.of([part], CONFIG)
    labels = candle_labels([part], LABELS)
    from mllib.evaluation.bootstrap import _resampled_candles

    accuracy, macro, weighted = _resampled_candles(blocks, labels)
    for draw in range(5):
        chosen = np.concatenate(
            [
                np.flatnonzero(labels.time // blocks.length_s == number)
                for number, times in zip(blocks.numbers, blocks.draws[draw].astype(int), strict=True)
                for _ in range(times)
            ]
        )
        again = replace(
            labels, time=labels.time[chosen], true=labels.true[chosen], predicted=labels.predicted[chosen]
        )
        metrics = candle_metrics(again)
        found = [float(scores[draw]) for scores in (accuracy, macro, weighted)]
        assert found == pytest.approx([metrics[name] for name in ("accuracy", "f1_macro", "f1_weighted")])


def test_a_span_that_opens_before_all_that_counts_is_drawn_with_the_first_block_that_does() -> None:
    counts = np.arange(len(LONG)) >= 600
    found, truth = [("flag", 596, 610, 0.9), ("doji", 594, 605, 0.9)], [("flag", 596, 610)]
    part = judged(found, truth, counts)
    blocks = Blocks.of([part], BootstrapConfig(block_bars=1, resamples=50))
    drawn = ResampledSpans.of(blocks, {label: span_events([part], label)[0.5] for label in ("flag", "doji")})
    assert drawn.micro.tolist() == np.where(blocks.draws[:, 0] > 0, 1.0, 0.0).tolist()


def test_every_bar_that_counts_lies_in_one_block_and_others_in_none() -> None:
    part = noisy(1)
    half = replace(part, counts=np.arange(len(LONG)) >= 600)
    blocks, less = Blocks.of([part], CONFIG), Blocks.of([half], CONFIG)
    assert set(less.numbers) < set(blocks.numbers)
    assert (blocks.draws.sum(axis=1) == len(blocks.numbers)).all()


def test_intervals_hold_the_score_and_repeat_with_the_seed() -> None:
    metrics = evaluate([noisy(1)], LABELS, bootstrap=CONFIG)
    low, high = metrics["intervals"]["span_f1"]["micro"]
    assert low < metrics["span_f1"]["0.5"]["micro"] < high
    low, high = metrics["intervals"]["accuracy"]
    assert low < metrics["accuracy"] < high
    assert evaluate([noisy(1)], LABELS, bootstrap=CONFIG)["intervals"] == metrics["intervals"]
    other = evaluate([noisy(1)], LABELS, bootstrap=CONFIG.model_copy(update={"seed": 1}))
    assert other["intervals"] != metrics["intervals"]


def test_a_label_without_true_spans_has_no_interval() -> None:
    truth = [("flag", i, i + 4) for i in range(0, 1_100, 30)]
    found = evaluate([judged([(*one, 0.5) for one in truth[::2]], truth)], LABELS, bootstrap=CONFIG)
    per_label = found["intervals"]["span_f1"]["per_label"]
    assert per_label["doji"] is None
    assert per_label["flag"][0] < 2 / 3 < per_label["flag"][1]


def test_too_few_blocks_give_no_interval_and_say_so() -> None:
    part = noisy(1)
    few = BootstrapConfig(block_bars=1_000)
    events = {label: span_events([part], label)[0.5] for label in LABELS}
    said = intervals(Blocks.of([part], few), events, candle_labels([part], LABELS), few)
    assert "expected at least 5" in said["skipped"]
    assert evaluate([part], LABELS, bootstrap=few)["baseline"]["talib"]["skipped"]


def test_intervals_cover_what_they_estimate() -> None:
    """A coin of known fairness: of 60 tests, about 95 % of the intervals hold the truth."""
    held = 0
    truth = [("flag", i, i + 4) for i in range(0, 1_190, 10)]
    for seed in range(60):
        right = np.random.default_rng(seed).random(len(truth)) < 0.5
        found = [(*one, 0.5) for one, ok in zip(truth, right, strict=True) if ok]
        low, high = evaluate([judged(found, truth)], ["flag"], bootstrap=CONFIG)["intervals"]["span_f1"][
            "micro"
        ]
        held += low <= 2 / 3 <= high
    assert held >= 51
