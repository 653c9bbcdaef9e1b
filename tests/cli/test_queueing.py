"""`candleloop queue` as a script and a person see it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import TrainedHome, copy_of, trained

__all__ = ["trained"]
"""The use cases' own home; pytest finds its fixture by this name."""


@pytest.fixture
def home(trained: TrainedHome, tmp_path: Path) -> Path:
    """A copy of a home with a champion and a model of another type."""
    return copy_of(trained, tmp_path / "home")


def test_places_are_listed_with_their_reasons(candleloop, home: Path) -> None:
    labels = ("--label", "bull_flag", "--label", "bullish_engulfing")
    done = candleloop("queue", "--size", "8", *labels)
    assert done.returncode == 0, done.stderr
    assert "Where to look next, by version 1" in done.stdout
    assert "The model is torn between" in done.stdout
    assert "Looking: " in done.stderr
    again = candleloop("queue", "--run", "1", "--size", "8", *labels, "--json")
    found = json.loads(again.stdout)
    assert found["model_version"] == "1"
    assert len(found["entries"]) == 8
    assert set(found["entries"][0]) == {
        *("pair", "timeframe", "span", "origin", "score", "why", "regime", "human")
    }
    assert {one["pair"] for one in found["entries"]} == {"EURUSD", "OTHER"}


@pytest.mark.parametrize("options", [("--pair", "OTHER"), ("--pair", "OTHER", "--timeframe", "1H")])
def test_a_pair_that_is_named_is_looked_through_alone(candleloop, home: Path, options) -> None:
    found = json.loads(candleloop("queue", "--size", "5", *options, "--json").stdout)
    assert {one["pair"] for one in found["entries"]} == {"OTHER"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pair", "XAUUSD"), "XAUUSD 1h: found no stored candles"),
        (("--label", "cup"), "labels: found cup, expected some that model version 1 knows"),
        (("--run", "nope"), "model nope: found no such version or run"),
    ],
)
def test_what_cannot_be_looked_through_is_refused(candleloop, home: Path, options, said: str) -> None:
    done = candleloop("queue", *options)
    assert done.returncode == 1
    assert said in done.stderr


def test_a_rival_whose_folder_is_gone_is_told_in_a_sentence(
    candleloop, home: Path, trained: TrainedHome
) -> None:
    assert trained.other.predictor_path is not None
    shutil.rmtree(home / trained.other.predictor_path)
    said = candleloop("queue", "--size", "5", "--label", "bull_flag").stderr
    assert "No committee: model in " in said
    assert "found no predictor.json, expected a complete predictor" in said
    assert "FileNotFoundError" not in said


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ((), "no candles stored,"),
        (("--pair", "EURUSD"), "no candles stored,"),
        (("--timeframe", "4h"), "no candles stored of 4h,"),
    ],
)
def test_without_candles_it_says_how_to_begin(candleloop, home: Path, options, what: str) -> None:
    if not options or options[0] == "--pair":
        shutil.rmtree(home / "candles")
    done = candleloop("queue", *options)
    assert done.returncode == 1
    assert f"queue: found {what} expected some to look at." in done.stderr
    assert "Import some with `candleloop candles import`" in done.stderr


def test_without_a_model_it_says_what_to_do(candleloop) -> None:
    done = candleloop("queue")
    assert done.returncode == 1
    assert "Train one with `candleloop train`" in done.stderr
