"""The annotation tool's exports: what is taken, put right, refused and written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mllib.annotation_files import (
    AnnotationFile,
    check_annotations,
    read_annotation_file,
    to_export,
    write_annotation_file,
)
from mllib.candles import Candles
from mllib.errors import InvalidAnnotations, NotReady
from mllib.spans import Annotation, JudgedPrediction, Span

ENTRY = {
    "id": "a",
    "start_time": 3600,
    "end_time": 7200,
    "label": "bull_flag",
    "confidence": None,
    "outcome": None,
    "sub_spans": None,
}


def read(tmp_path: Path, *entries: dict[str, Any]) -> AnnotationFile:
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"annotations": entries}))
    return read_annotation_file(path)


def read_csv(tmp_path: Path, text: str) -> AnnotationFile:
    path = tmp_path / "export.csv"
    path.write_text(text)
    return read_annotation_file(path)


def candles(n: int = 10) -> Candles:
    one = np.ones(n)
    return Candles("EURUSD", "1h", 3600 * np.arange(n), one, one, one, one)


def test_a_minimal_entry_is_a_persons(tmp_path: Path) -> None:
    file = read(tmp_path, ENTRY)
    assert file == AnnotationFile([Annotation("bull_flag", 3600, 7200, id="a")], ())
    assert file.annotations[0].source == "human"


def test_every_key_of_the_contract_is_taken(tmp_path: Path) -> None:
    judged = {
        "label": "bear_flag",
        "confidence": 0.7,
        "model_version": "v1",
        "start_time": 0,
        "end_time": 3600,
    }
    sub_span = {"label": "pole", "start_time": 3600, "end_time": 3600}
    more = {"confidence": 4, "outcome": "win", "notes": "clear", "source": "talib", "annotator": "ann"}
    (found,) = read(
        tmp_path,
        {
            **ENTRY,
            **more,
            "sub_spans": [sub_span],
            "model_prediction": judged,
            "created_at": 9,
            "colour": "red",
        },
    ).annotations
    assert found == Annotation(
        "bull_flag",
        3600,
        7200,
        id="a",
        source="talib",
        annotator="ann",
        clarity=4,
        outcome="win",
        sub_spans=(Span("pole", 3600, 3600),),
        notes="clear",
        model_prediction=JudgedPrediction(**judged),
        created_at=9,
        extra={"colour": "red"},
    )


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ("model", "model_confirmed"),
        ("human_correction", "model_corrected"),
        ("talib", "talib"),
        (None, "human"),
    ],
)
def test_older_names_of_sources_are_taken(tmp_path: Path, written: str | None, source: str) -> None:
    assert read(tmp_path, {**ENTRY, "source": written}).annotations[0].source == source


def test_a_start_after_its_end_is_swapped_and_said(tmp_path: Path) -> None:
    file = read(tmp_path, {**ENTRY, "start_time": 7200, "end_time": 3600})
    assert (file.annotations[0].start_time, file.annotations[0].end_time) == (3600, 7200)
    assert file.notes == ("Entry 1: start_time 7200 was after end_time 3600; they were swapped.",)


def test_a_missing_id_depends_on_the_content_alone(tmp_path: Path) -> None:
    bare = {key: value for key, value in ENTRY.items() if key != "id"}
    other = {**bare, "end_time": 10_800}
    first, second = (a.id for a in read(tmp_path, bare, other).annotations)
    assert [second, first] == [a.id for a in read(tmp_path, other, {**bare, "id": None}).annotations]
    assert first != second


def test_a_repeated_entry_is_left_out_and_said(tmp_path: Path) -> None:
    file = read(tmp_path, ENTRY, ENTRY)
    assert (len(file.annotations), file.notes) == (1, ("Entry 2: left out, it repeats an earlier one.",))


def test_one_id_for_two_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"entry 2, id: found 'a', expected an id of its own"):
        read(tmp_path, ENTRY, {**ENTRY, "label": "bear_flag"})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("label", "", "the name of a pattern"),
        ("label", "  ", "the name of a pattern"),
        ("label", 3, "the name of a pattern"),
        ("start_time", "2024-01-01", "Unix seconds as an integer"),
        ("end_time", 3600.0, "Unix seconds as an integer"),
        ("end_time", True, "Unix seconds as an integer"),
        ("start_time", 1_704_067_200_000, "Unix seconds. This looks like milliseconds"),
        ("confidence", 0, "1 to 5 or null"),
        ("confidence", 6, "1 to 5 or null"),
        ("confidence", 0.8, "1 to 5 or null"),
        ("confidence", True, "1 to 5 or null"),
        ("outcome", "draw", "win, loss, breakeven or null"),
        ("source", "robot", "one of human, talib, model_confirmed, model_corrected"),
        ("source", ["human"], "one of human"),
        ("notes", 5, "a text or null"),
        ("id", 1.5, "a text or nothing"),
        ("sub_spans", "x", "a list of"),
        ("model_prediction", "x", "{label, confidence, model_version} or null"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    with pytest.raises(
        InvalidAnnotations, match=rf"export\.json: entry 2, {key}: found .*expected {expected}"
    ):
        read(tmp_path, ENTRY, {**ENTRY, "id": "b", key: value})


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidAnnotations, match=r"entry 1, start_time: found nothing, expected Unix seconds"
    ):
        read(tmp_path, {"label": "x", "end_time": 5})


def test_a_judged_confidence_is_a_probability(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"confidence: found 70, expected a probability from 0 to 1"):
        read(tmp_path, {**ENTRY, "model_prediction": {"label": "x", "confidence": 70}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"annotations": [', r"found .* at line 1, column \d+, expected a whole JSON file"),
        ('{"spans": []}', r"expected \{\"annotations\""),
        ("[1]", r"expected \{\"annotations\""),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(InvalidAnnotations, match=message):
        read_annotation_file(tmp_path / "export.json")


def test_a_missing_or_wrongly_encoded_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"none\.json: found No such file"):
        read_annotation_file(tmp_path / "none.json")
    (tmp_path / "odd.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(InvalidAnnotations, match=r"odd\.json: found an odd byte at 0"):
        read_annotation_file(tmp_path / "odd.json")


def test_the_span_csv_gives_the_same_annotations(tmp_path: Path) -> None:
    sub_spans = '"[{""label"": ""pole"", ""start_time"": 3600, ""end_time"": 3600}]"'
    header = "id,start_time,end_time,label,confidence,outcome,sub_spans,notes\n"
    from_csv = read_csv(tmp_path, f"{header}a,3600,7200,bull_flag,4,win,{sub_spans},\nb,3600,7200,flag,,,,\n")
    entry = {**ENTRY, "confidence": 4, "outcome": "win"}
    entry["sub_spans"] = [{"label": "pole", "start_time": 3600, "end_time": 3600}]
    assert from_csv == read(tmp_path, entry, {**ENTRY, "id": "b", "label": "flag"})


def test_a_csv_of_candles_is_refused(tmp_path: Path) -> None:
    message = r"expected columns end_time, start_time as well\. Export spans, not candles"
    with pytest.raises(InvalidAnnotations, match=message):
        read_csv(tmp_path, "time,open,high,low,close,volume,label\n1,1,1,1,1,1,O\n")


def test_a_csv_row_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"entry 1 with more or fewer cells than the header"):
        read_csv(tmp_path, "start_time,end_time,label\n3600,72\n")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    judged = JudgedPrediction(label="x", confidence=0.5, start_time=0)
    whole = Annotation("O", 0, 3600, id="b", clarity=2, model_prediction=judged, extra={"colour": "red"})
    annotations = [Annotation("flag Ω", 0, 3600, id="a", sub_spans=(Span("pole", 0, 0),)), whole]
    path = tmp_path / "out.json"
    write_annotation_file(path, annotations)
    assert read_annotation_file(path) == AnnotationFile(annotations, ())
    assert [found.name for found in tmp_path.iterdir()] == ["out.json"]


def test_the_export_has_the_tools_keys(tmp_path: Path) -> None:
    (exported,) = to_export(read(tmp_path, ENTRY).annotations)["annotations"]
    assert {key: exported[key] for key in ENTRY} == ENTRY


def test_a_folder_that_is_missing_is_not_ready(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=r"out\.json: found No such file or directory when writing"):
        write_annotation_file(tmp_path / "none" / "out.json", [])


def test_annotations_on_the_candles_pass() -> None:
    check_annotations([Annotation("flag", 0, 9 * 3600, id="a", sub_spans=(Span("x", 0, 0),))], candles())
    check_annotations([], candles())


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (
            Annotation("flag", 3601, 7200, id="a"),
            r"start_time: found 3601 .*between candles.*nearest is 3600 \(",
        ),
        (
            Annotation("flag", 0, 36_000, id="a"),
            r"end_time: found 36000 .*outside the candles.*nearest is 32400",
        ),
        (
            Annotation("flag", 0, 3600, id="a", sub_spans=(Span("x", 5, 3600),)),
            r"start_time: found 5 .*between candles",
        ),
    ],
)
def test_a_bound_that_is_no_candles_open_is_refused(annotation: Annotation, message: str) -> None:
    good = Annotation("flag", 0, 0, id="b")
    with pytest.raises(
        InvalidAnnotations, match=rf"EURUSD 1h: annotation a \(flag\), {message}.*1 of 2 annot"
    ):
        check_annotations([good, annotation], candles())
