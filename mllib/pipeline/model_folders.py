"""The folder of a run's model: in this home, and on the storage of several machines where there is one."""

import shutil
from pathlib import Path

from mllib.errors import BrokenModel
from mllib.inference import Predictor
from mllib.pipeline.workspace import Workspace
from mllib.published_folders import fetch, is_published, publish, withdraw
from mllib.store import Run

_FOLDER = "predictors"


def model_folder(ws: Workspace, run: Run, path: str) -> Path:
    """Where the model of a run is, `path` in the home; fetched from the storage when it is not here.

    Of a run that was taken up again this home may hold what a lost worker made: only what was published
    counts.

    Raises:
        BrokenModel: it is on the storage no more, or was never published whole.
        NotReady: the storage does not answer.
    """
    folder, storage = ws.home / path, ws.storage
    if storage is None or (folder.is_dir() and run.taken_up is None):
        return folder
    folder.parent.mkdir(exist_ok=True)
    try:
        if folder.is_dir() and not is_published(storage, folder, path):
            remove_whole(folder)
        if not folder.is_dir():
            fetch(storage, path, folder)
    except FileNotFoundError as exc:
        raise BrokenModel(
            f"model of run {run.run_id}: found it neither in {ws.home} nor in {storage.where}, expected its "
            "folder. Promote another run, or train again."
        ) from exc
    return folder


def keep_model(ws: Workspace, run_id: str, predictor: Predictor, *, anew: bool) -> Path:
    """Writes the model of a run, for all machines; `anew` removes what a try before has left of it."""
    folder = ws.predictors / run_id
    if anew:
        forget_model(ws, run_id)
    predictor.save(folder)
    if ws.storage is not None:
        publish(ws.storage, folder, f"{_FOLDER}/{run_id}", instead=anew)
    return folder


def forget_model(ws: Workspace, run_id: str) -> None:
    """Removes the model of a run here and on the storage; a folder here goes under another name first."""
    if ws.storage is not None:
        withdraw(ws.storage, f"{_FOLDER}/{run_id}")
    remove_whole(ws.predictors / run_id)


def remove_whole(path: Path) -> None:
    """Removes a folder or a file; whoever finds the folder meanwhile finds it whole."""
    if path.is_file():
        path.unlink(missing_ok=True)
        return
    aside = path.with_name(f".{path.name}.removed")
    if path.is_dir():
        path.replace(aside)
    shutil.rmtree(aside, ignore_errors=True)
