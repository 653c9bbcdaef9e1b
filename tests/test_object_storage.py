"""Objects that several machines share, on a real S3 server and on another kind of storage."""

import os
from pathlib import Path

import pytest

from mllib.errors import InvalidConfig, NotReady
from mllib.object_storage import ObjectStorage
from mllib.published_folders import fetch, is_published, publish, withdraw
from tests.processes import free_port
from tests.s3 import S3Server, s3

__all__ = ["s3"]


@pytest.fixture(params=["s3", "file"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStorage:
    if request.param == "s3":
        return ObjectStorage(request.getfixturevalue("s3").empty_url(), tmp_path / "cache")
    (tmp_path / "shared").mkdir()
    return ObjectStorage(f"file://{tmp_path}/shared", tmp_path / "cache")


def test_what_is_written_is_read_whole_and_in_part(storage: ObjectStorage) -> None:
    storage.write("candles/EURUSD_1h.parquet", b"0123456789")

    assert storage.read("candles/EURUSD_1h.parquet") == b"0123456789"
    assert storage.read("candles/EURUSD_1h.parquet", last=4) == b"6789"
    assert storage.stat("candles/EURUSD_1h.parquet").size_bytes == 10
    ((name, stat),) = storage.list("candles")
    assert (name, stat) == ("EURUSD_1h.parquet", storage.stat("candles/EURUSD_1h.parquet"))


def test_what_is_not_there_is_said_so(storage: ObjectStorage) -> None:
    storage.write("folder/object", b"")

    for call in (storage.stat, storage.read, storage.local):
        for name in ("none", "folder"):
            with pytest.raises((FileNotFoundError, NotReady)):
                call(name)
    with pytest.raises(FileNotFoundError):
        storage.stat("none")
    assert storage.list("none") == []
    storage.remove("none")


def test_another_machine_sees_a_new_version_at_once(storage: ObjectStorage, tmp_path: Path) -> None:
    other = ObjectStorage(storage.url, tmp_path / "other")
    storage.write("object", b"old")
    older = other.local("object")
    assert older.read_bytes() == b"old"
    before = other.stat("object").version

    storage.write("object", b"newer")

    assert other.stat("object").version != before
    assert other.local("object").read_bytes() == b"newer"
    assert older.read_bytes() == b"old", "who has just asked for it may not have opened it yet"
    os.utime(older, (0, 0))
    storage.write("object", b"newest")
    other.local("object")
    assert not older.exists()


def test_an_object_is_read_from_the_store_once(storage: ObjectStorage) -> None:
    storage.write("object", b"content")
    first = storage.local("object")
    first.write_bytes(b"CONTENT")

    assert storage.local("object").read_bytes() == b"CONTENT"


def test_a_copy_that_was_cut_off_is_read_again(storage: ObjectStorage) -> None:
    storage.write("object", b"content")
    storage.local("object").write_bytes(b"cont")

    assert storage.local("object").read_bytes() == b"content"


def test_a_home_that_cannot_be_written_is_not_taken_for_a_broken_object(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    storage.write("object", b"content")
    (tmp_path / "full").write_text("in the way")

    with pytest.raises(NotReady, match=r"full: found that it cannot be written .*stored, which is whole"):
        ObjectStorage(storage.url, tmp_path / "full").local("object")


def test_a_name_is_moved_and_removed(storage: ObjectStorage) -> None:
    storage.write("a", b"1")
    storage.move("a", "deleted/b")
    assert storage.list("") == []
    assert storage.read("deleted/b") == b"1"
    storage.remove("deleted/b")
    assert storage.list("deleted") == []


def test_s3_refuses_to_overwrite_what_the_writer_has_not_seen(s3: S3Server, tmp_path: Path) -> None:
    storage = ObjectStorage(s3.empty_url(), tmp_path)
    storage.write("object", b"1", replaces="")
    seen = storage.stat("object").version
    storage.write("object", b"2", replaces=seen)

    large = bytes(105_000_000)  # which s3fs alone sends in parts, without the condition
    for stale, content in ((seen, b"3"), ("", b"3"), (seen, large)):
        with pytest.raises(NotReady, match=r"object: found that another process has written it meanwhile"):
            storage.write("object", content, replaces=stale)
    storage.write("other", b"4")
    with pytest.raises(NotReady, match="other: found that another process has written it"):
        storage.move("object", "other")
    assert (storage.read("object"), storage.read("other")) == (b"2", b"4")


def test_a_bucket_that_is_not_there_is_no_empty_one(s3: S3Server, tmp_path: Path) -> None:
    storage = ObjectStorage("s3://nobody-made-this/team", tmp_path)

    for call in (lambda: storage.list("candles"), lambda: storage.stat("x"), lambda: storage.write("x", b"")):
        with pytest.raises(
            NotReady, match=r"found no bucket nobody-made-this, .*`candleloop prepare` makes it"
        ):
            call()


def test_of_two_that_publish_one_name_the_one_that_took_over_counts(s3: S3Server, tmp_path: Path) -> None:
    storage = ObjectStorage(s3.empty_url(), tmp_path / "cache")
    for name in ("lost", "counts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "predictor.json").write_text(name)
    publish(storage, tmp_path / "lost", "predictors/a1")
    publish(storage, tmp_path / "counts", "predictors/a1", instead=True)

    with pytest.raises(NotReady, match=r"manifest\.json: found that another process has written it"):
        publish(storage, tmp_path / "lost", "predictors/a1")
    assert is_published(storage, tmp_path / "counts", "predictors/a1")
    assert not is_published(storage, tmp_path / "lost", "predictors/a1")
    fetch(storage, "predictors/a1", tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "predictor.json").read_text() == "counts"


def test_a_folder_is_published_whole_and_fetched_elsewhere(storage: ObjectStorage, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "parts").mkdir(parents=True)
    (folder / "predictor.json").write_text("{}")
    (folder / "parts" / "trees.ubj").write_bytes(b"\x00\x01")
    with pytest.raises(FileNotFoundError):
        fetch(storage, "predictors/a1", tmp_path / "elsewhere")

    publish(storage, folder, "predictors/a1")
    for _ in range(2):
        fetch(storage, "predictors/a1", tmp_path / "elsewhere")

    assert (tmp_path / "elsewhere" / "parts" / "trees.ubj").read_bytes() == b"\x00\x01"
    assert not list(tmp_path.glob(".elsewhere*"))
    withdraw(storage, "predictors/a1")
    with pytest.raises(FileNotFoundError):
        fetch(storage, "predictors/a1", tmp_path / "again")


def test_a_published_folder_that_was_altered_is_not_taken(storage: ObjectStorage, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "predictor.json").write_text("{}")
    publish(storage, folder, "predictors/a1")
    (part,) = {name for name in map(_part, storage._system.find(storage._path("predictors/a1"))) if name}
    storage.write(f"predictors/a1/{part}/predictor.json", b"{ }")

    with pytest.raises(NotReady, match=r"predictor\.json: found other content"):
        fetch(storage, "predictors/a1", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def _part(path: str) -> str:
    """The folder of a published file; none of the manifest."""
    return path.partition("predictors/a1/")[2].rpartition("/")[0]


def test_a_store_that_does_not_answer_is_said_so_without_secrets(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    storage = ObjectStorage(s3.empty_url(), tmp_path)

    for call in (storage.examine, lambda: storage.list("candles"), lambda: storage.local("candles/x")):
        with pytest.raises(NotReady, match=r"s3://candleloop/\w+/.*Check CANDLELOOP_STORAGE_URL") as said:
            call()
        assert "s3cret" not in str(said.value)


def test_a_bucket_that_is_missing_is_made_once(s3: S3Server, tmp_path: Path) -> None:
    storage = ObjectStorage("s3://another-bucket/team", tmp_path)
    with pytest.raises(NotReady, match="`candleloop prepare` makes it"):
        storage.write("object", b"1")

    for _ in range(2):
        storage.make()
    storage.write("object", b"1")
    assert storage.read("object") == b"1"


def test_a_password_in_an_address_is_in_no_message(tmp_path: Path) -> None:
    storage = ObjectStorage("nothing://ann:s3cret@host/team", tmp_path)

    with pytest.raises(InvalidConfig, match="nothing://, which fsspec does not know") as said:
        storage.examine()

    assert "s3cret" not in str(said.value) + storage.where
