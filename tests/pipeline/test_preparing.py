"""What a deployment finds made before its services start."""

from pathlib import Path

import pytest

from mllib.deployment import STORAGE
from mllib.errors import Conflict, InvalidConfig, NotReady
from mllib.pipeline.preparing import prepare_servers
from mllib.pipeline.workspace import open_workspace
from mllib.store import key_of

TOKEN = f"cl_{'a1' * 6}_{'0f' * 32}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CANDLELOOP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_token_made_elsewhere_is_a_key_from_then_on_and_once_only() -> None:
    for _ in range(2):
        key = prepare_servers(TOKEN, name="chart", scopes=["train", "annotate"])
        assert (key.name, key.scopes) == ("chart", ("annotate", "train"))
    with open_workspace() as ws:
        (kept,) = ws.store.api_keys.list()
    assert key_of(TOKEN, [kept]) == kept == key
    assert TOKEN.rpartition("_")[2] not in repr(kept) + kept.secret_hash


def test_a_revoked_key_is_not_let_in_again() -> None:
    key = prepare_servers(TOKEN, name="chart", scopes=["read"])
    with open_workspace() as ws:
        ws.store.api_keys.revoke(key.id)
    with pytest.raises(Conflict, match="of no use, as it was revoked"):
        prepare_servers(TOKEN, name="chart", scopes=["read"])


def test_another_secret_under_the_id_of_a_key_is_refused() -> None:
    prepare_servers(TOKEN, name="chart", scopes=["read"])
    with pytest.raises(Conflict, match="or is another key's"):
        prepare_servers(TOKEN[:-1] + "e", name="chart", scopes=["read"])


@pytest.mark.parametrize("token", ["", "secret", "cl_a1a1a1a1a1a1_short", f"cl_xyz_{'0f' * 32}"])
def test_what_could_be_guessed_is_no_token(token) -> None:
    with pytest.raises(InvalidConfig, match=f"found {len(token)} characters as its token"):
        prepare_servers(token, name="chart", scopes=["read"])


def test_the_folder_of_the_storage_is_made_and_one_that_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORAGE, f"file://{tmp_path}/shared/objects")
    for _ in range(2):
        prepare_servers(TOKEN, name="chart", scopes=["read"])
        (tmp_path / "shared" / "objects" / "kept").touch()
    assert (tmp_path / "shared" / "objects" / "kept").exists()


def test_a_storage_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(STORAGE, f"file://{tmp_path}/file/objects")
    with pytest.raises(NotReady, match=r"found “Not a directory”.* Check CANDLELOOP_STORAGE_URL"):
        prepare_servers(TOKEN, name="chart", scopes=["read"])
