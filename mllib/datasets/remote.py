"""Datasets to and from a DVC remote: a folder, or S3. DVC is imported when it is needed.

The folder of the datasets is a DVC repository without Git. A version is the hash of a dataset's folder, so
the pointer that DVC needs to fetch it can be written from the version alone.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mllib.datasets.files import write_text
from mllib.errors import NotReady
from mllib.extras import to_install
from mllib.object_storage import ObjectStorage
from mllib.progress import Progress

_COLOUR = re.compile(r"\x1b\[\d*m")


def pushed_versions(remote: str, versions: Sequence[str]) -> frozenset[str]:
    """Those of the versions that are whole on the remote: DVC writes a folder's listing after its files.

    Raises:
        NotReady: the remote cannot be asked.
    """
    names = {version: f"files/md5/{version[:2]}/{version[2:]}.dir" for version in versions}
    if "://" not in remote:
        return frozenset(version for version, name in names.items() if (Path(remote) / name).is_file())
    storage = ObjectStorage(remote)
    try:
        return frozenset(version for version, name in names.items() if storage.holds(name))
    except NotReady as exc:
        raise _unreachable(f"asking {storage.where} for datasets", exc) from exc


def push_versions(
    folder: Path, remote: str, versions: Sequence[str], *, progress: Progress | None = None
) -> None:
    """Copies the datasets `folder/<version>` to the remote, one after the other.

    Raises:
        NotReady: the remote cannot be written, or files of a dataset were altered.
    """
    with _repository(folder, remote, f"pushing datasets to {remote}") as repo:
        for done, version in enumerate(versions):
            if progress is not None:
                progress(done / len(versions), f"{version[:8]}, {done + 1} of {len(versions)}")
            (stage,) = repo.add([str(folder / version)])
            if (found := stage.outs[0].hash_info.value) != f"{version}.dir":
                raise NotReady(
                    f"dataset {folder / version}: found content {found}, expected {version}: "
                    "files were altered. Remove the folder and restore it."
                )
            repo.push([str(_pointer(folder, version))])


def fetch_version(folder: Path, remote: str, version: str) -> None:
    """Brings the dataset `folder/<version>` from the remote.

    Raises:
        NotReady: the remote cannot be read, or does not have it.
    """
    with _repository(folder, remote, f"fetching dataset {version} from {remote}") as repo:
        pointer = _pointer(folder, version)
        pointer.write_text(
            f'outs:\n- md5: "{version}.dir"\n  hash: md5\n  path: "{version}"\n', encoding="utf-8"
        )
        try:
            repo.pull([str(pointer)])
        except BaseException:
            pointer.unlink()
            raise


def _pointer(folder: Path, version: str) -> Path:
    return folder / f"{version}.dvc"


@contextmanager
def _repository(folder: Path, remote: str, what: str) -> Iterator[Any]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    pushed_versions(remote, ["0" * 32])  # says within seconds that it is away; DVC may try for minutes
    try:
        (folder / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
        write_text(_settings(folder, remote), folder / ".dvc" / "config")
        with Repo(str(folder)) as repo:
            yield repo
    except (DvcException, OSError) as exc:
        raise _unreachable(what, exc) from exc


def _unreachable(what: str, exc: Exception) -> NotReady:
    said = " ".join(_COLOUR.sub("", str(exc)).split())
    return NotReady(
        f"{what}: found {type(exc).__name__} ({said}), expected a remote that can be reached and holds "
        "what is asked for. Check data.remote and its credentials; S3 needs "
        f"`{to_install('servers')}`."
    )


def _settings(folder: Path, remote: str) -> str:
    """DVC's own configuration; it keeps out of Git and inside of this folder.

    A folder's address is its path there: DVC would make a folder of the name `file:`.
    """
    return f"""[core]
    no_scm = true
    analytics = false
    check_update = false
    autostage = false
    remote = candleloop
    site_cache_dir = {folder / ".dvc" / "tmp" / "site"}
[cache]
    type = "reflink,hardlink,copy"
['remote "candleloop"']
    url = {remote.removeprefix("file://").removeprefix("local://")}
"""
