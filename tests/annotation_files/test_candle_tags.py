"""The tool's CSV of one tagged row a candle."""

from pathlib import Path

import pytest

from mllib.annotation_files import read_annotation_file
from mllib.errors import InvalidAnnotations
from mllib.spans import Annotation


def read(tmp_path: Path, *tags: str, times: list[int] | None = None) -> list[Annotation]:
    opens = times or [3600 * i for i in range(len(tags))]
    rows = [f"{time},1,2,0.5,1,10,{tag}" for time, tag in zip(opens, tags, strict=True)]
    path = tmp_path / "candles.csv"
    path.write_text("\n".join(["time,open,high,low,close,volume,label", *rows, ""]))
    return read_annotation_file(path).annotations


def bounds(found: list[Annotation]) -> list[tuple[str, int, int]]:
    return [(one.label, one.start_time // 3600, one.end_time // 3600) for one in found]


def test_tags_become_spans(tmp_path: Path) -> None:
    found = read(tmp_path, "O", "B-flag", "I-flag", "B-flag", "B-a wedge", "I-a wedge", "O", "B-flag")
    assert bounds(found) == [("flag", 1, 2), ("flag", 3, 3), ("a wedge", 4, 5), ("flag", 7, 7)]
    assert {one.source for one in found} == {"human"}
    assert [one.id for one in found] == [
        one.id
        for one in read(tmp_path, "O", "B-flag", "I-flag", "B-flag", "B-a wedge", "I-a wedge", "O", "B-flag")
    ]


def test_no_tag_is_no_span(tmp_path: Path) -> None:
    assert read(tmp_path, "O", "O") == []
    assert read(tmp_path) == []


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (("O", "I-flag"), r"row 2: found I-flag after no span, expected B-flag or I-flag before it"),
        (("B-flag", "I-wedge"), r"row 2: found I-wedge after a span of flag"),
        (("I-flag",), r"row 1: found I-flag after no span"),
        (("O", "flag"), r"row 2, label: found 'flag', expected O, B-<label> or I-<label>"),
        (("O", "B-"), r"row 2, label: found 'B-'"),
        (("O", ""), r"row 2, label: found nothing"),
    ],
)
def test_tags_that_do_not_fit_are_refused(tmp_path: Path, tags: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidAnnotations, match=message):
        read(tmp_path, *tags)


@pytest.mark.parametrize("third", [0, 3600])
def test_two_charts_in_one_file_are_refused(tmp_path: Path, third: int) -> None:
    with pytest.raises(InvalidAnnotations, match=r"row 3: found time .* after 3600 .*Two charts seem"):
        read(tmp_path, "O", "O", "O", times=[0, 3600, third])


def test_tags_are_known_without_prices(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text("time,label\n0,B-flag\n3600,I-flag\n")
    assert bounds(read_annotation_file(path).annotations) == [("flag", 0, 1)]
