"""The tool's CSV of one row a window."""

from pathlib import Path

import pytest

from mllib.annotation_files import AnnotationFile, read_annotation_file
from mllib.errors import InvalidAnnotations


def read(tmp_path: Path, text: str) -> AnnotationFile:
    (tmp_path / "windows.csv").write_text(text)
    return read_annotation_file(tmp_path / "windows.csv")


def bounds(file: AnnotationFile) -> list[tuple[str, int, int]]:
    return [(one.label, one.start_time, one.end_time) for one in file.annotations]


def test_a_window_is_a_span_and_nothing_there_is_none(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "window_start,window_end,label,close_0,close_1,confidence\n"
        "0,60,O,1,2,\n60,120,flag,1,2,4\n300,240,wedge,1,2,\n",
    )
    assert bounds(file) == [("flag", 60, 120), ("wedge", 240, 300)]
    assert [one.clarity for one in file.annotations] == [4, None]
    assert all(not one.extra for one in file.annotations)
    assert file.notes == (
        "One row a window: 3 read, 1 labelled O (nothing is there), 2 labelled windows gave 2 spans.",
    )


def test_windows_that_slide_over_a_pattern_are_one_span(tmp_path: Path) -> None:
    rows = "0,120,flag,1\n60,180,flag,2\n120,240,wedge,3\n180,300,flag,4\n360,420,flag,5\n"
    file = read(tmp_path, f"start_time,end_time,label,window_id\n{rows}")
    assert bounds(file) == [("flag", 0, 300), ("wedge", 120, 240), ("flag", 360, 420)]
    assert "5 labelled windows gave 3 spans" in file.notes[0]


def test_windows_with_ids_stay_apart(tmp_path: Path) -> None:
    file = read(tmp_path, "id,start_time,end_time,label,close_0\na,0,120,flag,1\nb,60,180,flag,1\n")
    assert bounds(file) == [("flag", 0, 120), ("flag", 60, 180)]
    assert [one.id for one in file.annotations] == ["a", "b"]


def test_the_annotated_span_counts_where_the_window_around_it_is_told_too(tmp_path: Path) -> None:
    header = "window_start_time,window_end_time,start_time,end_time,label"
    assert bounds(read(tmp_path, f"{header}\n0,600,120,180,flag\n")) == [("flag", 120, 180)]


def test_a_window_without_a_time_is_refused_by_row(tmp_path: Path) -> None:
    with pytest.raises(InvalidAnnotations, match=r"row 2, window_end: found nothing, expected Unix seconds"):
        read(tmp_path, "window_start,window_end,label\n0,60,O\n60,,flag\n")
