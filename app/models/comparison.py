"""Tables of runs side by side."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from app.words import label_words, model_words
from mllib.config_form import value_text
from mllib.pipeline.run_comparison import LabelScore, RunFigures, Setting, name_of
from mllib.store import ChampionMove, Run

MEASURES = {
    "span F1": "f1",
    "precision": "precision",
    "recall": "recall",
    "average precision": "average_precision",
    "start, median": "start_median",
    "end, median": "end_median",
}
"""What the table of labels can show, and the field of `LabelScore` that has it."""
MOVED = {
    "auto": "promoted by itself",
    "load": "loaded over the API",
    "promote": "promoted by a person",
    "rollback": "rolled back",
}


def figures_table(names: Sequence[str], figures: Sequence[RunFigures]) -> pd.DataFrame:
    """A row a figure, a column a run; from two runs on the differences from the first one."""
    rows = {
        "span F1, people's labels": [one.people for one in figures],
        "span F1, all labels": [one.everything for one in figures],
        "candle F1, macro": [one.macro for one in figures],
        "candle accuracy": [one.accuracy for one in figures],
        "calibration error of spans (ECE)": [one.calibration_error for one in figures],
        "start off by, median candles": [one.start_median for one in figures],
        "end off by, median candles": [one.end_median for one in figures],
    }
    table = [{"": said, **_side_by_side(names, values)} for said, values in rows.items()]
    intervals = {
        name: "–" if one.interval is None else "{:.3f} to {:.3f}".format(*one.interval)
        for name, one in zip(names, figures, strict=True)
    }
    spans = {name: f"{one.true_spans:,}" for name, one in zip(names, figures, strict=True)}
    return pd.DataFrame(
        [*table, {"": "95 % interval of span F1", **intervals}, {"": "true spans in the test", **spans}]
    ).fillna("")


def labels_table(
    names: Sequence[str], rows: Mapping[str, Sequence[LabelScore | None]], measure: str
) -> pd.DataFrame:
    """A row a label: the measure of each run, differences from the first one, and true spans."""
    field = MEASURES[measure]
    return pd.DataFrame(
        [
            {
                "label": label_words(label),
                **_numbers(names, [None if one is None else getattr(one, field) for one in scores]),
                "true spans": max(one.true for one in scores if one is not None),
            }
            for label, scores in rows.items()
        ]
    )


def settings_table(names: Sequence[str], rows: Sequence[Setting]) -> pd.DataFrame:
    """A row a setting that differs, a column a run."""
    return pd.DataFrame(
        [
            {"setting": row.path, **{n: value_text(v) for n, v in zip(names, row.values, strict=True)}}
            for row in rows
        ]
    )


def checks_table(gate: Mapping[str, Any]) -> pd.DataFrame:
    """The gate's findings: `check`, whether it `passed`, and `finding` in words."""
    marks = {True: "✓ passed", False: "✕ refused", None: "– open"}
    return pd.DataFrame(
        [{"check": one["name"], "": marks[one["passed"]], "finding": one["said"]} for one in gate["checks"]]
    )


def champions_table(moves: Sequence[ChampionMove], runs: Collection[Run]) -> pd.DataFrame:
    """A row a move of the champion, newest first."""
    by_id = {run.run_id: run for run in runs}
    return pd.DataFrame(
        [
            {
                "since (UTC)": pd.Timestamp(move.moved_at, unit="s"),
                "model": _model(by_id.get(move.run_id), move.run_id),
                "how": MOVED[move.moved_by],
                "why": move.reason or "",
            }
            for move in moves
        ]
    )


def _model(run: Run | None, run_id: str) -> str:
    return run_id if run is None else f"{name_of(run)} · {model_words(run.model_type)} · {run.encoder}"


def _side_by_side(names: Sequence[str], values: Sequence[float | None]) -> dict[str, str]:
    shown = {
        name: "–" if value is None else f"{value:.3f}" for name, value in zip(names, values, strict=True)
    }
    return shown | {
        f"Δ {name}": "" if value is None or values[0] is None else f"{value - values[0]:+.3f}"
        for name, value in zip(names[1:], values[1:], strict=True)
    }


def _numbers(names: Sequence[str], values: Sequence[float | None]) -> dict[str, float | None]:
    shown = dict(zip(names, values, strict=True))
    return shown | {
        f"Δ {name}": None if value is None or values[0] is None else value - values[0]
        for name, value in zip(names[1:], values[1:], strict=True)
    }
