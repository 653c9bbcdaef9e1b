"""The folder of a run's model: in this home, and on the storage of several machines where there is one."""

import shutil
from pathlib import Path

from mllib.errors import BrokenModel
from mllib.inference import Predictor
from mllib.pipeline.workspace import Workspace

_FOLDER = "predictors"


def model_folder(ws: Workspace, run_id: str, path: str) -> Path:
    """Where the model of a run is, `path` in the home; fetched from the storage when it is not here.

    Raises:
        BrokenModel: it is on the storage no more, or was never published whole.
        NotReady: the storage does not answer.
    """
    folder = ws.home / path
    if ws.storage is None or folder.is_dir():
        return folder
    folder.parent.mkdir(exist_ok=True)
    try:
        ws.storage.fetch(path, folder)
    except FileNotFoundError as exc:
        raise BrokenModel(
            f"model of run {run_id}: found it neither in {ws.home} nor in {ws.storage.url}, expected its "
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
        ws.storage.publish(folder, f"{_FOLDER}/{run_id}")
    return folder


def forget_model(ws: Workspace, run_id: str) -> None:
    """Removes the model of a run here and on the storage; a folder here goes under another name first."""
    if ws.storage is not None:
        ws.storage.withdraw(f"{_FOLDER}/{run_id}")
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
