"""The files of a dataset: which there are, how they are written, and what they are read back as."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mllib.config import FeatureSection
from mllib.datasets.columns import (
    FACTS,
    Column,
    as_json,
    as_markdown,
    candle_columns,
    enriched_columns,
    labeled_columns,
)
from mllib.datasets.facts import Facts
from mllib.datasets.files import read_table, table_bytes, write_table, write_text
from mllib.datasets.schema import checked
from mllib.datasets.tables import (
    KEY,
    Named,
    candle_table,
    enriched_table,
    fact_table,
    known_labels,
    labeled_table,
    read_candles,
    read_facts,
    read_series,
    span_table,
)
from mllib.errors import TrainingFailed
from mllib.training import LabelledSeries

if TYPE_CHECKING:
    import pandas as pd

    from mllib.candles import Candles

ANNOTATIONS_FILE = "annotations.parquet"
LABELED_FILE = "labeled.parquet"
SPANS_FILE = "spans.parquet"
COLUMNS_NAME = "columns"


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files of a dataset lie; `columns` is a name to which `.json` and `.md` are added."""

    annotations: Path
    labeled: Path
    spans: Path
    columns: Path

    @classmethod
    def of(cls, folder: Path) -> "Files":
        """The files of a dataset's own folder."""
        names = (ANNOTATIONS_FILE, LABELED_FILE, SPANS_FILE, COLUMNS_NAME)
        return cls(*(folder / name for name in names))

    @property
    def documentation(self) -> tuple[Path, Path]:
        """The files that say what every column means: JSON and Markdown."""
        name = self.columns.name
        return self.columns.with_name(f"{name}.json"), self.columns.with_name(f"{name}.md")

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return (self.annotations, self.labeled, self.spans, *self.documentation)


def write_candles(series: "Sequence[Candles]", path: Path) -> None:
    """Candles of several series as one table."""
    write_table(candle_table(series), path, candle_columns(), key=KEY)


def load_candles(path: Path) -> "list[Candles]":
    """The series of a table that starts with the columns of candles."""
    frame = read_table(path)
    names = [column.name for column in candle_columns()]
    if missing := [name for name in names if name not in frame.columns]:
        raise TrainingFailed(
            f"{path}: found no column {missing[0]}, expected candles ({', '.join(names)}). Build it again."
        )
    return read_candles(checked(frame[names], candle_columns(), where=str(path), key=KEY))


def write_facts(facts: Sequence[tuple[Named, Facts]], path: Path) -> None:
    """What is said of several series as one table."""
    write_table(fact_table(facts), path, FACTS)


def facts_bytes(facts: Sequence[tuple[Named, Facts]]) -> bytes:
    """What `write_facts` writes, for a file elsewhere."""
    return table_bytes(fact_table(facts), FACTS, where="export")


def load_facts(path: Path) -> dict[Named, Facts]:
    """What `write_facts` wrote, by pair and timeframe."""
    return read_facts(_facts_frame(path))


def _facts_frame(path: Path) -> "pd.DataFrame":
    frame = read_table(path)
    nullable = {c.name: "Int64" for c in FACTS if c.kind == "integer" and c.nullable and c.name in frame}
    texts = {c.name: "str" for c in FACTS if c.kind == "text" and c.name in frame}
    return checked(frame.astype(nullable | texts), FACTS, where=str(path))


def write_enriched(series: "Sequence[Candles]", features: FeatureSection, path: Path) -> None:
    """Candles with the configured columns."""
    write_table(enriched_table(series, features), path, enriched_columns(features), key=KEY)


def load_enriched(path: Path, features: FeatureSection) -> "pd.DataFrame":
    """What `write_enriched` wrote with the same configuration."""
    return checked(read_table(path), enriched_columns(features), where=str(path), key=KEY)


def write_labeled(
    enriched: "pd.DataFrame", series: Sequence[LabelledSeries], features: FeatureSection, files: Files
) -> None:
    """Labelled candles, the spans that count, and the documentation; `enriched` has the same series.

    Raises:
        TrainingFailed: there is no span at all, or a table does not fit its schema; nothing is written then.
    """
    if not known_labels(series):
        names = ", ".join(one.candles.name for one in series)
        raise TrainingFailed(
            f"dataset: found no span in {names}, expected some of at least one label. "
            "Import annotations, label with TA-Lib, or choose other layers with --labels."
        )
    columns = labeled_columns(enriched_columns(features), known_labels(series))
    write_table(labeled_table(enriched, series), files.labeled, columns, key=KEY)
    write_table(span_table(series), files.spans, FACTS)
    tables: dict[str, Sequence[Column]] = {
        LABELED_FILE: columns,
        ANNOTATIONS_FILE: FACTS,
        SPANS_FILE: FACTS,
    }
    as_data, as_text = files.documentation
    write_text(as_json(tables), as_data)
    write_text(as_markdown(tables), as_text)


def load_series(files: Files) -> list[LabelledSeries]:
    """What training reads: the labelled series by pair and timeframe.

    Raises:
        TrainingFailed: a file is missing, unreadable or not what its schema says.
    """
    return read_series(load_candles(files.labeled), load_facts(files.spans))
