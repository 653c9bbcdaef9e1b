"""The Datasets page in a real browser, on a real server, with a remote in a folder."""

import io
import re
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from mllib.datasets.builds import list_builds
from mllib.pipeline.dataset_listing import remote_state
from mllib.pipeline.datasets import find_dataset
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation
from tests.e2e.consoles import button, downloaded, open_tab, tick, wait

pytestmark = pytest.mark.needs("browser")


def test_a_push_that_fails_says_what_to_do(page, ws: Workspace) -> None:
    remote = ws.home / "dvc-remote"
    remote.write_text("a file where the folder should be")
    try:
        page.goto("/datasets")
        button(page, "Push 1 dataset").click()
        page.get_by_text("Check data.remote and its credentials").wait_for()
    finally:
        remote.unlink()


def test_a_dataset_is_built_looked_at_compared_and_pushed(page, ws: Workspace) -> None:
    before = [build.version for build in list_builds(ws.datasets)]
    time = ws.candles.read("EURUSD", "1h").time.tolist()
    ws.store.annotations.add("EURUSD", "1h", [Annotation("bull_flag", time[3], time[9], id="one more")])
    page.goto("/datasets")
    page.get_by_text("Labels by source").wait_for()
    button(page, "Build a dataset").click()
    button(page, "Build now").click()
    page.get_by_text(re.compile("Dataset [0-9a-f]{8} is built")).wait_for()
    newest = list_builds(ws.datasets)[0]
    assert newest.version not in before
    assert (newest.made_by, newest.series) == ("build", {"EURUSD 1h": len(time)})
    page.get_by_text("None yet").wait_for()

    open_tab(page, "Compare")
    page.get_by_text("counts as changed where it stands now").wait_for()
    wait(lambda: page.get_by_test_id("stDataFrame").count() == 1, "the difference alone", page)

    open_tab(page, "Builds")
    page.get_by_text("0 of 2 versions").wait_for()
    button(page, "Push 2 datasets").click()
    page.get_by_text("2 datasets pushed").wait_for()
    page.get_by_text("2 of 2 versions").wait_for()
    assert remote_state(ws).pushed == {*before, newest.version}
    assert button(page, "All are pushed").is_disabled()

    shutil.rmtree(ws.datasets / before[0])
    page.reload()
    page.get_by_text("2 of 2 versions").wait_for()
    page.get_by_text("Labels by source").wait_for()
    tick(page, before[0][:8])
    button(page, "Restore from the remote").click()
    page.get_by_text(f"{before[0][:8]} is here again").wait_for()
    assert find_dataset(ws, before[0]).folder.is_dir()


def test_a_dataset_and_what_people_said_can_bedownloaded(page, ws: Workspace, tmp_path: Path) -> None:
    page.goto("/datasets")
    open_tab(page, "Builds")
    labelled = pd.read_parquet(downloaded(page, "Labelled candles", tmp_path))
    assert len(labelled) == len(ws.candles.read("EURUSD", "1h"))
    assert "bio_bull_flag" in labelled.columns
    open_tab(page, "Export")
    said = pd.read_parquet(downloaded(page, "Spans and reviewed ranges", tmp_path))
    stored = {one.id for one in ws.store.annotations.list("EURUSD", "1h")}
    assert set(said["id"].dropna()) == stored
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "Annotation tool", tmp_path).read_bytes())) as packed:
        assert packed.namelist() == ["EURUSD_1h.annotations.json"]
    verdicts = pd.read_parquet(downloaded(page, "Verdicts", tmp_path))
    assert len(verdicts) == len(ws.store.verdicts.list())
