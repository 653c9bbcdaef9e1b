"""Sequence models beside trees: `python -m benchmarks.sequences [--models …] [--encoders …] [--data …]`.

The test that `benchmarks.quality` calls *later*: trained on the first 70 % of each series (those of one
timeframe and first candle together), tested on the last 30 %. Prints a row as soon as it is there. Span F1 is
micro, at an IoU of 0.5, with its 95 % interval; the calibration error (ECE) is that of the test's rows, its
mean over the trainings by their cells. Seconds are those of the processor, of all its cores, for all
trainings, and milliseconds likewise for 500 candles, the median of seven. Needs PyTorch (`make torch`). Most
of the time goes into the 43 654 candles of BTCUSDT, which `--leave-out BTCUSDT` leaves out.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import DATA, TEST, VALIDATION, groups, judged, load, say, split_of, with_interval
from mllib.encoders import ENCODER_NAMES, EncodingConfig
from mllib.evaluation import evaluate
from mllib.features import ContextConfig
from mllib.inference import Predictor
from mllib.models import MODEL_NAMES
from mllib.training import LabelledSeries, TrainingConfig, train

ASKED_CANDLES, TURNS = 500, 7
HEADS = ("model", "encoder", "span F1", "ECE", "training, CPU s", "500 candles, CPU ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", default=list(DATA))
    parser.add_argument("--encoders", nargs="+", choices=ENCODER_NAMES, default=["bio", "combined"])
    parser.add_argument("--models", nargs="+", choices=MODEL_NAMES, default=list(MODEL_NAMES))
    parser.add_argument("--leave-out", nargs="+", default=[], help="pairs")
    arguments = parser.parse_args()
    found = (one for one in load(arguments.data) if one.candles.pair not in arguments.leave_out)
    series = sorted(found, key=lambda one: -len(one.spans))
    print(f"| {' | '.join(HEADS)} |\n|---|---|{'---:|' * (len(HEADS) - 2)}", flush=True)
    for encoder in arguments.encoders:
        for model in arguments.models:
            print(f"| {' | '.join([model, encoder, *measured(model, encoder, series)])} |", flush=True)


def measured(model: str, encoder: str, series: Sequence[LabelledSeries]) -> list[str]:
    """One row of the table, without its first two columns."""
    labels = sorted({span.label for one in series for span in one.spans})
    config = TrainingConfig(model_type=model, test_split=TEST, validation_split=VALIDATION)
    parts, reliabilities, milliseconds = [], [], []
    seconds = 0.0
    for group in groups(series):
        began = time.process_time()
        predictor = trained(group, encoder, config)
        seconds += time.process_time() - began
        milliseconds.append(prediction_ms(predictor, group[0]))
        reliabilities.append(predictor.metrics["calibration"]["test"]["after"]["pooled"])
        moment = split_of(group, config).moments[1]
        own = [judged(predictor, one, moment) for one in group]
        say(f"{model}, {encoder}, {group[0].candles.name}: {with_interval(evaluate(own, labels))}")
        parts += own
    cells = sum(one["cells"] for one in reliabilities)
    error = sum(one["ece"] * one["cells"] for one in reliabilities) / cells
    shown = with_interval(evaluate(parts, labels))
    return [shown, f"{error:.3f}", f"{seconds:.0f}", f"{statistics.mean(milliseconds):.0f}"]


def trained(group: Sequence[LabelledSeries], encoder: str, config: TrainingConfig) -> Predictor:
    return train(
        group,
        run_id="sequences",
        encoder_name=encoder,
        context=ContextConfig(),
        encoding=EncodingConfig(),
        config=config,
        progress=lambda *_: None,
    )


def prediction_ms(predictor: Predictor, one: LabelledSeries) -> float:
    candles = one.candles[-ASKED_CANDLES:]
    turns = []
    for _ in range(TURNS):
        began = time.process_time()
        predictor.predict(candles)
        turns.append(1_000 * (time.process_time() - began))
    return statistics.median(turns)


if __name__ == "__main__":
    main()
