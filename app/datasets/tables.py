"""The tables of datasets, as the page shows them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from app.tables import STATUS_ICONS, version_words
from app.words import ago, day, file_size, label_words, model_words
from mllib.datasets.comparing import Change, Difference
from mllib.pipeline.dataset_listing import DatasetInfo
from mllib.store import Run

SOURCES = {
    "human": "people",
    "model_confirmed": "confirmed",
    "model_corrected": "corrected",
    "talib": "TA-Lib",
}
_MADE_BY = {"build": "built", "train": "training", "repro": "dvc repro", "restore": "restored"}


def builds_table(datasets: Sequence[DatasetInfo], pushed: Collection[str] | None) -> pd.DataFrame:
    """A row a version; `pushed` is None while the remote has not answered."""
    return pd.DataFrame(
        [
            {
                "version": one.version[:8],
                "built": ago(one.newest.built_at),
                "for": _MADE_BY[one.newest.made_by],
                "series": ", ".join(one.newest.series),
                "candles": one.rows,
                "people": one.spans - one.spans_by_source.get("talib", 0),
                "TA-Lib": one.spans_by_source.get("talib", 0),
                "size": file_size(one.size_bytes) if one.here else "not here",
                "used by": ", ".join(version_words(run) or run.status for run in reversed(one.runs)),
                "pushed": "…" if pushed is None else "yes" if one.version in pushed else "no",
            }
            for one in datasets
        ]
    )


def labels_table(one: DatasetInfo) -> pd.DataFrame:
    """`label` and its spans by source, those of people on top."""
    rows = [
        {"label": label_words(label), **{SOURCES[source]: n for source, n in sources.items()}}
        for label, sources in one.newest.spans.items()
    ]
    columns = [name for name in SOURCES.values() if any(name in row for row in rows)]
    frame = pd.DataFrame(rows, columns=["label", *columns])
    return frame.sort_values(columns, ascending=False, na_position="last")


def splits_table(runs: Sequence[Run]) -> pd.DataFrame:
    """How each run divided the candles by time."""
    return pd.DataFrame([_split_row(run) for run in runs])


def _split_row(run: Run) -> dict[str, Any]:
    known = {
        "run": f"{version_words(run) or run.run_id} {model_words(run.model_type)} · {run.encoder}",
        "status": STATUS_ICONS[run.status],
    }
    if run.metrics is None:
        return known
    split = run.metrics["split"]
    return known | {
        "learned from": split["train"],
        "chose on": split["validation"],
        "tested on": split["test"],
        "tested from": day(split["test_from"]),
    }


def columns_table(columns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """`column unit meaning "in time"` of a table of the dataset."""
    return pd.DataFrame(
        [
            {
                "column": one["name"],
                "unit": one["unit"],
                "meaning": one["meaning"].replace("`", ""),
                "in time": one["causality"],
                "may be empty": "yes" if one["nullable"] else "",
            }
            for one in columns
        ]
    )


def difference_table(difference: Difference, *, only_changes: bool) -> pd.DataFrame:
    """`what of added removed changed unchanged`; 0 is left empty."""
    parts = [
        ("spans", f"{label_words(label)}, {SOURCES[source]}", change)
        for (label, source), change in difference.spans.items()
    ]
    parts += [("candles", name, change) for name, change in difference.candles.items()]
    parts += [("reviewed ranges", name, change) for name, change in difference.reviewed.items()]
    rows = [_change_row(*part) for part in parts if not (only_changes and part[2].is_none)]
    return pd.DataFrame(rows, columns=["what", "of", "added", "removed", "changed", "unchanged"])


def _change_row(what: str, of: str, change: Change) -> dict[str, Any]:
    counts = {name: getattr(change, name) or None for name in ("added", "removed", "changed", "unchanged")}
    return {"what": what, "of": of, **counts}
