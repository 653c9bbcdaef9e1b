"""How good the recipes are: `python -m benchmarks.quality [--data FOLDER …] [--recipes …] [--models …]`.

For every `<pair>_<timeframe>.parquet` (or `.csv`) with `<pair>_<timeframe>.annotations.json` (or `.json`)
beside it, whose labels count as reviewed everywhere:

- later: trained on the first 70 % of the candles (the last seventh of them is the validation block), tested
  on the last 30 %; series of the same timeframe and first candle are learned together.
- another: the model that was trained on the first 70 % of the series with most spans, on all others; and one
  trained on the first 70 % of all others, on that one.

Span F1 counts a predicted span as right when its label is right and its IoU is at least 0.5. Intervals are
95 %, from drawing blocks of 200 bars of time. Nothing is chosen on what is tested. `--short` asks instead how
well `bio` learns TA-Lib's ten most frequent functions from the first series, tested on the others.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.naive_recipe import NaiveRecipe
from mllib.annotation_files import read_annotation_file
from mllib.candle_files import read_candle_file
from mllib.candle_gate import check_candles
from mllib.candles import Candles
from mllib.encoders import ENCODER_NAMES, EncodingConfig
from mllib.evaluation import Judged, evaluate
from mllib.features import ContextConfig
from mllib.inference import Prediction
from mllib.models import MODEL_NAMES, SEQUENCE_MODELS
from mllib.patterns import FUNCTIONS, detect
from mllib.spans import NOTHING, ReviewedRange
from mllib.splits import Intervals, Split, temporal_split
from mllib.training import LabelledSeries, TrainingConfig, train

ROOT = Path(__file__).parents[1]
DATA = (ROOT / "data" / "samples", ROOT / "benchmarks" / "series")
RECIPES = ("naive", *ENCODER_NAMES)
TEST, VALIDATION = 0.3, 0.1
MARGIN_BARS = 160
"""So many bars after the moment between training and test count for nobody."""
POOLED = ("later: all", "another: these")
SHORT_FUNCTIONS, SHORT_FLOOR = 10, 0.90


class Recipe(Protocol):
    """What can predict."""

    def predict(self, candles: Candles) -> Prediction: ...


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, nargs="+", default=list(DATA))
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    trees = [name for name in MODEL_NAMES if name not in SEQUENCE_MODELS]
    parser.add_argument("--models", nargs="+", choices=MODEL_NAMES, default=trees)
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    series = sorted(load(arguments.data), key=lambda one: -len(one.spans))
    if arguments.short:
        short(series)
        return
    columns: dict[str, dict[str, dict[str, Any]]] = {}
    for recipe in arguments.recipes:
        for model in arguments.models:
            began = time.monotonic()
            columns[f"{recipe}, {model}"] = scored(recipe, model, series)
            say(f"{recipe}, {model}: {time.monotonic() - began:.0f} s")
    print_scores(columns)
    print_labels(columns)


def load(folders: Sequence[Path]) -> Iterator[LabelledSeries]:
    """The series of the folders, each reviewed everywhere for the labels of all of them."""
    found = []
    for folder in folders:
        for file in sorted([*folder.glob("*.parquet"), *folder.glob("*.csv")]):
            pair, _, timeframe = file.stem.rpartition("_")
            named = [folder / f"{file.stem}.annotations.json", folder / f"{file.stem}.json"]
            spans = read_annotation_file(next(one for one in named if one.exists())).annotations
            candles, _ = check_candles(read_candle_file(file).frame, pair=pair, timeframe=timeframe)
            found.append((candles, [span for span in spans if span.label != NOTHING]))
    labels = frozenset(span.label for _, spans in found for span in spans)
    for candles, spans in found:
        reviewed = [ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels)]
        yield LabelledSeries(candles, spans, reviewed)


def scored(recipe: str, model: str, series: Sequence[LabelledSeries]) -> dict[str, dict[str, Any]]:
    """The metrics of one recipe in every column of the table."""
    labels = sorted({span.label for one in series for span in one.spans})
    later: list[Judged] = []
    found: dict[str, dict[str, Any]] = {}
    largest, others = series[0], list(series[1:])
    for group in groups(series):
        trained, moment = learned(recipe, model, group, labels)
        parts = [judged(trained, one, moment) for one in group]
        later += parts
        found[f"later: {title(group)}"] = evaluate(parts, labels)
        if largest in group:
            across = [judged(trained, one, None) for one in others if one not in group]
    found["later: all"] = evaluate(later, labels)
    for part in across:
        found[f"another: {part.candles.name}"] = evaluate([part], labels)
    found["another: these"] = evaluate(across, labels)
    trained, _ = learned(recipe, model, others, labels)
    found[f"another: {largest.candles.name}"] = evaluate([judged(trained, largest, None)], labels)
    return found


def groups(series: Sequence[LabelledSeries]) -> list[list[LabelledSeries]]:
    """Series of one timeframe that begin together, those with most spans first."""
    found: dict[tuple[str, int], list[LabelledSeries]] = {}
    for one in series:
        found.setdefault((one.candles.timeframe, int(one.candles.time[0])), []).append(one)
    return list(found.values())


def title(group: Sequence[LabelledSeries]) -> str:
    return " ".join([*(one.candles.pair for one in group), group[0].candles.timeframe])


def learned(
    recipe: str, model: str, series: Sequence[LabelledSeries], labels: Sequence[str]
) -> tuple[Recipe, int]:
    """A recipe that has learned from the first 70 %, and the moment (Unix s) at which they end."""
    config = TrainingConfig(model_type=model, test_split=TEST, validation_split=VALIDATION)
    moment = split_of(series, config).moments[1]
    if recipe == "naive":
        naive = NaiveRecipe(model, labels)
        naive.fit(series, moment)
        return naive, moment
    predictor = train(
        series,
        run_id="quality",
        encoder_name=recipe,
        context=ContextConfig(),
        encoding=EncodingConfig(),
        config=config,
        progress=lambda *_: None,
    )
    return predictor, moment


def split_of(series: Sequence[LabelledSeries], config: TrainingConfig) -> Split:
    return temporal_split(
        Intervals.joined([Intervals.of_bars(one.candles, (0, 0)) for one in series]), config
    )


def judged(recipe: Recipe, one: LabelledSeries, moment: int | None) -> Judged:
    """The prediction of a series beside the truth; what counts lies beyond the moment, or anywhere."""
    counts = np.ones(len(one.candles), bool)
    if moment is not None:
        counts[: int(np.searchsorted(one.candles.time, moment)) + MARGIN_BARS] = False
    return Judged(recipe.predict(one.candles), one.spans, one.reviewed, counts)


def print_scores(columns: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Micro span F1 @0.5 with its interval in every test; then other overlaps, and macro, of those pooled."""
    tests = next(iter(columns.values()))
    for kind in ("later: ", "another: "):
        shown = {test: sum(tests[test]["span_support"].values()) for test in tests if test.startswith(kind)}
        heads = [f"{test.removeprefix(kind)} ({spans})" for test, spans in shown.items()]
        print_table(
            f"{kind}micro span F1 @0.5 and its 95 % interval (true spans)",
            ["recipe", *heads],
            [[name, *(with_interval(found[test]) for test in shown)] for name, found in columns.items()],
        )
    heads = [f"{test} {what}" for test in POOLED for what in ("@0.3", "@0.7", "macro, support ≥ 10")]
    rows = [
        [name, *(cell for test in POOLED for cell in beside(found[test]))] for name, found in columns.items()
    ]
    print_table("pooled: other overlaps, and macro span F1 @0.5", ["recipe", *heads], rows)


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n|---|{'---:|' * (len(heads) - 1)}")
    for one in rows:
        print(f"| {' | '.join(one)} |")


def with_interval(metrics: dict[str, Any]) -> str:
    spread = metrics["intervals"].get("span_f1", {}).get("micro")
    inside = "" if spread is None else f" ({spread[0]:.2f}–{spread[1]:.2f})"
    return f"{metrics['span_f1']['0.5']['micro']:.3f}{inside}"


def beside(metrics: dict[str, Any]) -> list[str]:
    f1 = metrics["span_f1"]
    macro = f1["0.5"]["macro_supported"]
    return [
        f"{f1['0.3']['micro']:.3f}",
        f"{f1['0.7']['micro']:.3f}",
        "–" if macro is None else f"{macro:.2f}",
    ]


def print_labels(columns: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Span F1 of every label, with its support, and how far off the bounds of matched spans are."""
    for test in POOLED:
        support = next(iter(columns.values()))[test]["span_support"]
        rows = []
        for name, tests in columns.items():
            f1 = tests[test]["span_f1"]["0.5"]["per_label"]
            rows.append([name, *(f"{f1[label]:.2f}" for label in support), *boundary(tests[test])])
        heads = ["recipe", *(f"{label} ({n})" for label, n in support.items()), "start", "end"]
        print_table(f"{test}: span F1 @0.5 by label, mean distance of bounds in candles", heads, rows)


def boundary(metrics: dict[str, Any]) -> list[str]:
    """The mean distance of both bounds over all matched spans."""
    scores = [one for one in metrics["span_scores"]["0.5"].values() if one["matched"]]
    total = sum(one["matched"] for one in scores)
    if not total:
        return ["–", "–"]
    return [
        f"{sum(one['matched'] * one['boundary_error'][side] for one in scores) / total:.1f}"
        for side in ("start_mean_absolute", "end_mean_absolute")
    ]


def short(series: Sequence[LabelledSeries]) -> None:
    """Span F1 against TA-Lib of its functions most frequent in the first series, learned there by `bio`."""
    counts = {name: len(found) for name, found in detect(series[0].candles, list(FUNCTIONS)).items()}
    frequent = sorted(counts, key=lambda name: -counts[name])[:SHORT_FUNCTIONS]
    programmatic = [labelled_by_talib(one.candles, frequent) for one in series]
    predictor = train(
        programmatic[:1],
        run_id="short",
        encoder_name="bio",
        context=ContextConfig(),
        encoding=EncodingConfig(),
        config=TrainingConfig(),
        progress=lambda *_: None,
    )
    print(f"trained on {series[0].candles.name}: {', '.join(f'{f} {counts[f]}' for f in frequent)}\n")
    print("| tested on | micro F1 @0.5 | floor | worst label |\n|---|---:|---:|---|")
    for one in programmatic[1:]:
        found = evaluate([judged(predictor, one, None)], predictor.encoder.labels)["span_f1"]["0.5"]
        worst = min(found["per_label"], key=found["per_label"].get)
        print(
            f"| {one.candles.name} | {found['micro']:.3f} | {SHORT_FLOOR:.2f} | "
            f"{worst} {found['per_label'][worst]:.2f} |"
        )


def labelled_by_talib(candles: Candles, functions: Sequence[str]) -> LabelledSeries:
    spans = [span for found in detect(candles, functions).values() for span in found]
    labels = frozenset(span.label for span in spans)
    return LabelledSeries(
        candles, spans, [ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels)]
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
