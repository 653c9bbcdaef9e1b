from dataclasses import replace
from pathlib import Path

import pytest

from mllib.datasets.builds import Build, builds_stamp, list_builds, record
from mllib.errors import NotReady

FIRST = Build("a1", "build", 1, None, {"EURUSD 1h": 300}, {"doji": {"talib": 3}}, 0)
SECOND = replace(FIRST, version="b2", built_at=2)


def test_builds_are_listed_newest_first(tmp_path: Path) -> None:
    assert list_builds(tmp_path) == []
    record(tmp_path, FIRST)
    record(tmp_path, SECOND)
    assert list_builds(tmp_path) == [SECOND, FIRST]


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_last_line_cut_by_a_crash_is_skipped_and_the_next_build_takes_its_place(
    tmp_path: Path, kept: int
) -> None:
    file = tmp_path / "builds.jsonl"
    record(tmp_path, FIRST)
    whole = file.read_bytes()
    record(tmp_path, SECOND)
    file.write_bytes(whole + file.read_bytes()[len(whole) :][:kept])
    assert list_builds(tmp_path) == [FIRST]
    record(tmp_path, SECOND)
    assert list_builds(tmp_path) == [SECOND, FIRST]


@pytest.mark.parametrize("line", [b"\xff\xfe", b"{", b"null", b'{"version": "a1"}', b""])
def test_other_damage_is_said_with_file_line_and_what_to_do(tmp_path: Path, line: bytes) -> None:
    record(tmp_path, FIRST)
    with (tmp_path / "builds.jsonl").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(NotReady, match=r"builds\.jsonl: found line 2 unreadable.*Remove that line"):
        list_builds(tmp_path)


def test_the_stamp_changes_with_each_build_and_each_folder(tmp_path: Path) -> None:
    stamps = [builds_stamp(tmp_path)]
    for build in (FIRST, SECOND):
        record(tmp_path, build)
        stamps.append(builds_stamp(tmp_path))
    (tmp_path / "a1").mkdir()
    stamps.append(builds_stamp(tmp_path))
    assert len(set(stamps)) == 4
    assert builds_stamp(tmp_path) == stamps[-1]
