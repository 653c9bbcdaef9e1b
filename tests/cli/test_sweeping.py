"""`--cluster`, and the commands that work on many series."""

import json
from pathlib import Path

import numpy as np
import pytest

from mllib.cluster import Cluster
from tests.hills import hills_of


@pytest.fixture
def stored(candleloop, tmp_path: Path) -> None:
    """Two series."""
    file = tmp_path / "hills.csv"
    hills_of(600).candles.to_frame().assign(volume=np.float64(0)).to_csv(file, index=False)
    for pair in ("HILLS", "OTHER"):
        done = candleloop("candles", "import", str(file), "--pair", pair, "--timeframe", "1h")
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("stored")
def test_all_stored_series_are_labelled_here_as_on_a_cluster(candleloop, cluster: Cluster) -> None:
    asked = ("label", "--patterns", "CDLDOJI,CDLHAMMER", "--json")
    there = candleloop(*asked, "--cluster", cluster.address)
    assert there.returncode == 0, there.stderr
    assert f"Dask: 2 workers at {cluster.address}" in there.stderr
    found = json.loads(there.stdout)
    assert list(found) == ["HILLS 1h", "OTHER 1h"]
    one = candleloop(*asked, "--pair", "HILLS", "--timeframe", "1h")
    assert json.loads(one.stdout) == found["HILLS 1h"]
    assert "Dask" not in one.stderr


@pytest.mark.usefixtures("stored")
def test_the_environment_may_name_the_cluster(candleloop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLELOOP_CLUSTER", "nowhere")
    done = candleloop("label")
    assert done.returncode == 1
    assert "--cluster: found 'nowhere', expected local, local:2 or a scheduler's address" in done.stderr


@pytest.mark.usefixtures("stored")
def test_what_cannot_be_swept_is_said(candleloop) -> None:
    done = candleloop("sweep", "--pair", "NONE")
    assert done.returncode == 1
    assert "champion of candleloop: there is none yet" in done.stderr
    done = candleloop("label", "--pair", "NONE", "--timeframe", "1h")
    assert "NONE 1h: found no stored candles" in done.stderr


@pytest.mark.usefixtures("stored")
def test_what_a_cluster_cannot_learn_is_refused_before_one_is_asked(candleloop, cluster: Cluster) -> None:
    done = candleloop("train", "--pair", "HILLS", "--cluster", cluster.address)
    assert done.returncode == 1
    assert "found ['human', 'talib'], expected ['talib'] to train on a cluster" in done.stderr
    assert "Dask" not in done.stderr
    assert json.loads(candleloop("runs", "--json").stdout) == []
