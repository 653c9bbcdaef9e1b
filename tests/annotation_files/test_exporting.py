"""The tool's formats as they are written, and read back."""

from pathlib import Path

import pytest

from mllib.annotation_files import (
    AnnotationFile,
    read_annotation_file,
    to_csv,
    to_export,
    to_json,
    write_export,
)
from mllib.errors import NotReady
from mllib.spans import Annotation, JudgedPrediction, Span

JUDGED = JudgedPrediction(label="x", confidence=0.5, model_version="3", start_time=0, end_time=3600)
EVERYTHING = [
    Annotation("flag Ω", 0, 3600, id="a", sub_spans=(Span("pole, steep", 0, 0), Span("flag", 0, 3600))),
    Annotation("wedge", 0, 3600, id="b", clarity=5, outcome="breakeven", notes='he said "no",\nso'),
    Annotation("O", 0, 3600, id="c", clarity=2, model_prediction=JUDGED, extra={"colour": "red"}),
    Annotation(
        "x",
        0,
        0,
        id="d",
        source="model_confirmed",
        model_prediction=JUDGED,
        annotator="ann",
        extra={"as_of": 60},
    ),
    Annotation("y", 0, 60, id="e", source="model_corrected", model_prediction=JUDGED, created_at=7),
    Annotation("flag", 0, 3600, id="f"),
]


@pytest.mark.parametrize("name", ["out.json", "out.csv"])
def test_everything_that_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_export(path, (to_csv if path.suffix == ".csv" else to_json)(EVERYTHING))
    assert read_annotation_file(path) == AnnotationFile(EVERYTHING, ())
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_the_export_has_the_tools_keys() -> None:
    (exported,) = to_export([Annotation("bull_flag", 3600, 7200, id="a")])["annotations"]
    told = {key: exported[key] for key in ("confidence", "outcome", "sub_spans")}
    assert told == {"confidence": None, "outcome": None, "sub_spans": None}
    assert (exported["id"], exported["start_time"], exported["end_time"]) == ("a", 3600, 7200)


def test_a_folder_that_is_missing_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"out\.json: found No such file or directory when writing"):
        write_export(tmp_path / "none" / "out.json", "")
