"""`candleloop simulate`."""

import json
from pathlib import Path

import numpy as np

from tests.hills import hills_of

FEW = ("--rounds", "2", "--per-round", "10", "--seeds", "1", "--encoder", "window")
SMALL = ("-s", "stages.acquisition.audit_bars=16", "-s", "stages.training.hyperparameters.n_estimators=10")


def _stored(candleloop, folder: Path) -> None:
    series = hills_of(1_600)
    candles = folder / "hills.csv"
    series.candles.to_frame().assign(volume=np.float64(0)).to_csv(candles, index=False)
    spans = [
        {"id": str(i), "label": s.label, "start_time": s.start_time, "end_time": s.end_time}
        for i, s in enumerate(series.spans)
    ]
    export = folder / "hills.json"
    export.write_text(json.dumps({"annotations": spans}))
    named = ("--pair", "HILLS", "--timeframe", "1h")
    assert candleloop("candles", "import", str(candles), *named).returncode == 0
    assert candleloop("annotations", "import", str(export), *named).returncode == 0


def test_it_prints_the_curves_and_costs_and_writes_the_plot(candleloop, tmp_path: Path) -> None:
    _stored(candleloop, tmp_path)
    asked = ("simulate", "--pair", "HILLS", "--timeframe", "1h", *FEW, *SMALL)
    done = candleloop(*asked, "--strategy", "probable", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found["curves"]) == ["random", "probable"]
    assert Path(found["plot"]).read_text().startswith("<svg")
    assert Path(found["plot"]).is_relative_to(tmp_path / "home")
    plot = tmp_path / "here.svg"
    done = candleloop(*asked, "--plot", str(plot))
    assert done.returncode == 0, done.stderr
    assert "share of random's" in done.stdout
    assert "queue" in done.stdout
    assert f"Plot: {plot}" in done.stderr
    assert plot.is_file()


def test_the_layers_that_are_named_are_labelled_again(candleloop, tmp_path: Path) -> None:
    _stored(candleloop, tmp_path)
    none_there = ("-s", 'stages.annotation_ingestion.talib_patterns=["CDL3STARSINSOUTH"]')
    done = candleloop("simulate", "--pair", "HILLS", "--timeframe", "1h", "--labels", "talib", *none_there)
    assert done.returncode == 1
    assert "HILLS 1h: found no span" in done.stderr


def test_what_it_cannot_do_it_says(candleloop, tmp_path: Path) -> None:
    _stored(candleloop, tmp_path)
    done = candleloop("simulate", "--pair", "HILLS", "--timeframe", "1h", "--strategy", "best")
    assert done.returncode == 1
    assert "strategy: found 'best', expected some of random" in done.stderr
