"""The annotation tool's exports: what is taken, put right, refused and written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mllib.annotation_files import (
    AnnotationFile,
    parse_annotations,
    read_annotation_file,
    to_export,
)
from mllib.errors import InvalidAnnotations
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


def _nested(levels: int) -> list[Any]:
    return [] if levels == 1 else [_nested(levels - 1)]


def _shown(key: str) -> str:
    return key if key.isprintable() else re.escape(ascii(key))


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


@pytest.mark.parametrize("written", ["9223372036854775808", "1" + "0" * 30, "1e308", "inf", "x", "[["])
def test_a_csv_row_that_was_made_at_no_time_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(InvalidAnnotations, match=r"row 1, created_at: found .*expected Unix seconds up to"):
        read_csv(tmp_path, f"start_time,end_time,label,created_at\n0,60,flag,{written}\n")


def test_a_date_tells_when_it_was_said_and_is_exported_as_written(tmp_path: Path) -> None:
    (found,) = read(tmp_path, {**ENTRY, "created_at": "1970-01-02T00:00:00Z"}).annotations
    assert found.created_at == 86_400
    assert to_export([found])["annotations"][0]["created_at"] == "1970-01-02T00:00:00Z"


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


def test_blanks_around_an_id_are_removed_and_said(tmp_path: Path) -> None:
    file = read(tmp_path, {**ENTRY, "id": " a "})
    assert (file.annotations[0].id, file.notes) == (
        "a",
        ("Entry 1: blanks around the id ' a ' were removed.",),
    )


def test_the_longest_texts_are_taken(tmp_path: Path) -> None:
    longest = {"id": "i" * 200, "label": "l" * 200, "annotator": "a" * 200, "notes": "n" * 10_000}
    (found,) = read(tmp_path, {**ENTRY, **longest}).annotations
    assert {name: getattr(found, name) for name in longest} == longest


def test_keys_of_its_own_may_hold_lists_in_lists(tmp_path: Path) -> None:
    assert read(tmp_path, {**ENTRY, "colours": _nested(20)}).annotations[0].extra == {"colours": _nested(20)}


def test_a_repeated_entry_is_left_out_and_said(tmp_path: Path) -> None:
    file = read(tmp_path, ENTRY, ENTRY)
    assert (len(file.annotations), file.notes) == (1, ("Entry 2: left out, it repeats an earlier one.",))


def test_of_many_notes_the_first_are_told_and_how_many_more(tmp_path: Path) -> None:
    notes = read(tmp_path, *[{**ENTRY, "source": "talib"}] * 100_000).notes
    assert len(notes) == 22
    assert notes[19] == "Entry 21: left out, it repeats an earlier one."
    assert notes[20] == "And 99,979 more notes like these."
    assert "stored and exported, but not learned" in notes[21]


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
        ("id", "x" * 201, "1 to 200 characters"),
        ("id", 10**200, "1 to 200 characters"),
        ("id", "  ", "1 to 200 characters"),
        ("id", "a\nb", "1 to 200 characters, no control character or line break"),
        ("id", " .. ", "1 to 200 characters, .*no . or .. between slashes"),
        ("id", "\ud800", "text that UTF-8 can hold"),
        ("\ud800", 1, "text that UTF-8 can hold"),
        ("label", "x" * 201, "at most 200 characters"),
        ("annotator", "x" * 201, "at most 200 characters"),
        ("notes", "x" * 10_001, "at most 10,000 characters"),
        ("sub_spans", [{"label": "pole", "start_time": 0, "end_time": 0}] * 1_001, "at most 1,000 of them"),
        ("colours", _nested(21), "at most 20 levels of lists and objects"),
        ("created_at", 2**63, "Unix seconds up to"),
        ("created_at", -(10**30), "Unix seconds up to"),
        ("created_at", 10**17, "Unix seconds up to"),
        ("created_at", 1e308, "Unix seconds up to"),
        ("created_at", "inf", "Unix seconds up to"),
        ("created_at", "2500-01-01", "Unix seconds up to"),
        ("created_at", "[[", "Unix seconds up to"),
        ("created_at", True, "Unix seconds up to"),
        ("created_at", [1], "Unix seconds up to"),
        ("created_at", 1_704_067_200_000, r"Unix seconds .* This looks like milliseconds"),
        ("sub_spans", "x", "a list of"),
        ("model_prediction", "x", "{label, confidence, model_version} or null"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    with pytest.raises(
        InvalidAnnotations, match=rf"export\.json: entry 2, {_shown(key)}: found .*expected {expected}"
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


def test_a_csv_row_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"found row 1 with 2 cells, expected 3 as in the header"):
        read_csv(tmp_path, "start_time,end_time,label\n3600,72\n")


def test_a_csv_of_something_else_is_refused(tmp_path: Path) -> None:
    message = r"the header 'open,high', expected start_time, end_time and label \(spans"
    with pytest.raises(InvalidAnnotations, match=message.replace(",high", ", high")):
        read_csv(tmp_path, "open,high\n1,2\n")


def test_the_form_is_told_by_content_where_the_name_says_nothing() -> None:
    assert parse_annotations(json.dumps([ENTRY]).encode(), "chart 3").annotations[0].id == "a"
    row = b"start_time;end_time;label\n0;60;flag\n"
    assert parse_annotations(row, "chart 3").annotations[0].label == "flag"


def test_a_single_time_is_a_span_of_one_candle(tmp_path: Path) -> None:
    file = read(tmp_path, {"id": "a", "time": 3600, "label": "doji", "confidence": 2})
    assert file.annotations == [Annotation("doji", 3600, 3600, id="a", clarity=2)]
    assert file.notes == ("1 annotation with a single time: each is stored as a span of that candle.",)
    from_csv = read_csv(tmp_path, "id,time,label,confidence\na,3600,doji,2\n")
    assert from_csv == file
    with pytest.raises(InvalidAnnotations, match="entry 1, time: found 'noon', expected Unix seconds"):
        read(tmp_path, {"time": "noon", "label": "doji"})


def test_talibs_own_annotations_are_said_to_teach_nothing(tmp_path: Path) -> None:
    assert "stored and exported, but not learned" in read(tmp_path, {**ENTRY, "source": "talib"}).notes[0]


def test_the_bounds_of_a_judged_prediction_are_put_in_order(tmp_path: Path) -> None:
    judged = {"label": "x", "start_time": 7200, "end_time": 3600}
    (found,) = read(tmp_path, {**ENTRY, "model_prediction": judged}).annotations
    assert found.model_prediction == JudgedPrediction(label="x", start_time=3600, end_time=7200)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found nothing in it"),
        ("[" * 100_000, "json: found lists or objects nested too deep, expected those of an export"),
        ('[{"confidence": NaN}]', "found the constant NaN, which JSON does not have"),
        ('[{"start_time": ' + "9" * 5_000 + "}]", "json: found an integer of thousands of digits"),
        (r'[{"start_time": 0, "end_time": 0, "label": "\ud800"}]', "label: found .*expected"),
        (r'[{"start_time": 0, "end_time": 0, "label": "x", "notes": "\ud800"}]', "UTF-8 can hold"),
        (r'[{"start_time": 0, "end_time": 0, "label": "a\u0000"}]', "expected the name of a pattern"),
    ],
)
def test_odd_content_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(InvalidAnnotations, match=message):
        read_annotation_file(tmp_path / "export.json")


def test_a_field_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"field larger than field limit .*expected a CSV"):
        read_csv(tmp_path, "start_time,end_time,label\n0,0," + "x" * 200_000 + "\n")


def test_a_file_of_500_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(500_000_000)
    with pytest.raises(InvalidAnnotations, match=r"found 500,000,000 bytes, expected at most 100,000,000"):
        read_annotation_file(path)
