"""Objects that several machines share, on a real S3 server and on another kind of storage."""

from pathlib import Path

import pytest

from mllib.errors import NotReady
from mllib.object_storage import ObjectStorage
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
    assert other.local("object").read_bytes() == b"old"
    before = other.stat("object").version

    storage.write("object", b"newer")

    assert other.stat("object").version != before
    assert other.local("object").read_bytes() == b"newer"
    assert len(list((tmp_path / "other").iterdir())) == 1, "the older copy is gone"


def test_an_object_is_read_from_the_store_once(storage: ObjectStorage) -> None:
    storage.write("object", b"content")
    first = storage.local("object")
    first.write_bytes(b"changed here")

    assert storage.local("object").read_bytes() == b"changed here"


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

    for stale in (seen, ""):
        with pytest.raises(NotReady):
            storage.write("object", b"3", replaces=stale)
    assert storage.read("object") == b"2"


def test_a_folder_is_published_whole_and_fetched_elsewhere(storage: ObjectStorage, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "parts").mkdir(parents=True)
    (folder / "predictor.json").write_text("{}")
    (folder / "parts" / "trees.ubj").write_bytes(b"\x00\x01")
    with pytest.raises(FileNotFoundError):
        storage.fetch("predictors/a1", tmp_path / "elsewhere")

    storage.publish(folder, "predictors/a1")
    for _ in range(2):
        storage.fetch("predictors/a1", tmp_path / "elsewhere")

    assert (tmp_path / "elsewhere" / "parts" / "trees.ubj").read_bytes() == b"\x00\x01"
    assert not list(tmp_path.glob(".elsewhere*"))
    storage.withdraw("predictors/a1")
    with pytest.raises(FileNotFoundError):
        storage.fetch("predictors/a1", tmp_path / "again")


def test_a_published_folder_that_was_altered_is_not_taken(storage: ObjectStorage, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "predictor.json").write_text("{}")
    storage.publish(folder, "predictors/a1")
    storage.write("predictors/a1/predictor.json", b"{ }")

    with pytest.raises(NotReady, match=r"predictor\.json: found other content"):
        storage.fetch("predictors/a1", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_a_store_that_does_not_answer_is_said_so_without_secrets(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    storage = ObjectStorage(s3.empty_url(), tmp_path)

    for call in (storage.examine, lambda: storage.list("candles"), lambda: storage.local("candles/x")):
        with pytest.raises(NotReady, match=r"s3://candleloop/\w+/.*Check CANDLELOOP_STORAGE_URL") as said:
            call()
        assert "s3cret" not in str(said.value)
