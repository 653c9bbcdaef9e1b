import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mllib.candles import Candles
from mllib.config import FeatureSection
from mllib.datasets.columns import candle_columns
from mllib.datasets.contents import (
    Files,
    load_candles,
    load_facts,
    load_series,
    write_candles,
    write_facts,
    write_labeled,
)
from mllib.datasets.facts import Facts
from mllib.datasets.files import read_table, version_of, write_table
from mllib.datasets.tables import candle_table, enriched_table
from mllib.errors import NotReady, TrainingFailed
from mllib.training import LabelledSeries


def _write(folder: Path, series: LabelledSeries, facts: Facts) -> Files:
    files, features = Files.of(folder), FeatureSection()
    write_labeled(enriched_table([series.candles], features), [series], features, files)
    write_facts([(("EURUSD", "1h"), facts)], files.annotations)
    return files


def test_what_was_written_is_read_back(tmp_path: Path, series: LabelledSeries, facts: Facts) -> None:
    files = _write(tmp_path, series, facts)
    (back,) = load_series(files)
    assert sorted(s.id for s in back.spans) == ["a", "c", "t"]
    assert load_facts(files.annotations)["EURUSD", "1h"].verdicts == ("d", "c")


def test_equal_content_has_equal_bytes_and_one_version(
    tmp_path: Path, series: LabelledSeries, facts: Facts
) -> None:
    for name in ("one", "two"):
        _write(tmp_path / name, series, facts)
    version = version_of(tmp_path / "one")
    assert version_of(tmp_path / "two") == version
    (tmp_path / "two" / "columns.md").write_text("altered")
    assert version_of(tmp_path / "two") != version


def test_every_field_says_what_it_is(tmp_path: Path, series: LabelledSeries, facts: Facts) -> None:
    files = _write(tmp_path, series, facts)
    for path in (files.labeled, files.annotations, files.spans):
        for field in pq.read_schema(path):
            assert {b"unit", b"meaning", b"causality"} <= field.metadata.keys(), field.name
    documented = json.loads((tmp_path / "columns.json").read_text())
    for path in (files.labeled, files.annotations, files.spans):
        assert [c["name"] for c in documented[path.name]] == pq.read_schema(path).names
    assert "| `body_size` | number | price | no |" in (tmp_path / "columns.md").read_text()


def test_a_table_that_does_not_fit_leaves_the_old_one(tmp_path: Path, candles: Candles) -> None:
    path = tmp_path / "candles.parquet"
    write_candles([candles], path)
    before = path.read_bytes()
    with pytest.raises(TrainingFailed, match=r"candles\.parquet: column open"):
        write_table(candle_table([candles]).assign(open=-1.0), path, candle_columns())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["candles.parquet"]


def test_labels_without_any_span_make_no_dataset(tmp_path: Path, candles: Candles) -> None:
    with pytest.raises(TrainingFailed, match=r"dataset: found no span in EURUSD 1h.*Import annotations"):
        _write(tmp_path, LabelledSeries(candles, [], []), Facts((), ()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", None])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "spans.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingFailed, match=r"spans\.parquet: cannot be read .*dataset restore"):
        read_table(path)


def test_a_table_of_something_else_is_refused(tmp_path: Path, candles: Candles, facts: Facts) -> None:
    write_candles([candles], tmp_path / "a.parquet")
    write_facts([(("EURUSD", "1h"), facts)], tmp_path / "b.parquet")
    with pytest.raises(TrainingFailed, match="found no column time, expected candles"):
        load_candles(tmp_path / "b.parquet")
    with pytest.raises(TrainingFailed, match=r"a\.parquet: found an unknown column time"):
        load_facts(tmp_path / "a.parquet")


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, candles: Candles) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotReady, match=r"file/candles\.parquet: found that it cannot be written"):
        write_candles([candles], tmp_path / "file" / "candles.parquet")
