"""The command line as a script sees it: standard output, standard error, exit status."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
IN_ONE_BLOCK = ("-s", "stages.training.validation_folds=0")
"""A fit, where small series otherwise take five."""


def with_samples(candleloop, pair="EURUSD", timeframe="1h"):
    named = ("--pair", pair, "--timeframe", timeframe)
    stem = f"{pair}_{timeframe}"
    for noun, file in (("candles", f"{stem}.parquet"), ("annotations", f"{stem}.annotations.json")):
        done = candleloop(noun, "import", str(SAMPLES / file), *named, "--json")
        assert done.returncode == 0, done.stderr
    return named


def test_help_imports_no_heavy_library():
    heavy = ("pandas", "pyarrow", "sklearn", "xgboost", "talib", "mlflow", "streamlit", "fastapi", "sqlmodel")
    script = f"import sys, mllib.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_list_of_no_runs_is_refused(candleloop):
    assert "greater than or equal to 1" in candleloop("runs", "--limit", "0").stderr


def test_imported_candles_are_listed_and_a_second_import_changes_nothing(candleloop):
    named = with_samples(candleloop)
    again = candleloop("candles", "import", str(SAMPLES / "EURUSD_1h.parquet"), *named, "--json")
    merged = json.loads(again.stdout)["merged"]
    assert (merged["added"], merged["changed"], merged["unchanged"]) == (0, 0, 6225)
    listed = json.loads(candleloop("candles", "list", "--json").stdout)
    assert [(one["pair"], one["timeframe"], one["rows"]) for one in listed] == [("EURUSD", "1h", 6225)]


def test_candles_can_be_checked_renamed_and_deleted(candleloop):
    with_samples(candleloop)
    checked = candleloop(
        "candles", "check", str(SAMPLES / "AAPL_1d.parquet"), "--pair", "A", "--timeframe", "1d"
    )
    assert "split" in checked.stderr
    assert (
        candleloop("candles", "rename", "--pair", "EURUSD", "--timeframe", "1h", "--to", "E/U").returncode
        == 0
    )
    exported = json.loads(candleloop("annotations", "export", "--pair", "E/U", "--timeframe", "1h").stdout)
    assert len(exported["annotations"]) == 98
    gaps = json.loads(candleloop("candles", "gaps", "--pair", "E/U", "--timeframe", "1h", "--json").stdout)
    assert [(gap["missing"], gap["is_day_off"]) for gap in gaps] == [(1, True), (14, False)]
    said = candleloop("candles", "gaps", "--pair", "E/U", "--timeframe", "1h").stderr
    assert "And 1 single day off, such as holidays." in said
    deleted = candleloop("candles", "delete", "--pair", "E/U", "--timeframe", "1h", "--yes")
    assert json.loads(candleloop("candles", "list", "--json").stdout) == []
    name = re.search(r"undelete (\S+)`", deleted.stderr)[1]
    assert candleloop("candles", "undelete", name).returncode == 0
    (again,) = json.loads(candleloop("candles", "list", "--json").stdout)
    assert (again["pair"], again["rows"]) == ("E/U", 6225)
    asked = ("candles", "delete", "--pair", "E/U", "--timeframe", "1h", "--yes", "--json")
    told = json.loads(candleloop(*asked).stdout)
    assert (told["pair"], told["timeframe"], "deleted" in told) == ("E/U", "1h", True)
    assert "Error: 'nosuch': found none of the deleted" in candleloop("candles", "undelete", "nosuch").stderr
    unknown = candleloop("candles", "delete", "--pair", "NOPE", "--timeframe", "1h")
    assert unknown.returncode != 0
    assert "NOPE" in unknown.stderr
    assert "Delete the candles" not in unknown.stdout + unknown.stderr


def test_splits_are_pointed_out_and_adjusted_when_asked(candleloop):
    file, named = str(SAMPLES / "AAPL_1d.parquet"), ("--pair", "AAPL", "--timeframe", "1d")
    assert "Import with --adjust split" in candleloop("candles", "check", file, *named).stderr
    done = candleloop("candles", "import", file, *named, "--adjust", "split", "--split", "2000-09-29=2")
    assert (
        "Adjusted for the split of 2005-02-28, 2 to 1: before it prices by 1/2, volume by 2." in done.stderr
    )
    again = candleloop("candles", "import", file, *named, "--adjust", "split", "--json")
    assert again.returncode == 1
    assert "--split 2000-09-29=2, or delete the stored candles" in again.stderr
    listed = json.loads(candleloop("candles", "list", "--json").stdout)
    assert [split["ratio"] for split in listed[0]["splits"]] == [2.0, 2.0, 2.0]
    wrong = candleloop("candles", "import", file, *named, "--split", "2005-02-28")
    assert "split: found '2005-02-28', expected a day and new shares for one old share" in wrong.stderr


def test_an_export_comes_back_as_it_was_imported(candleloop, tmp_path):
    named = with_samples(candleloop)
    file = tmp_path / "out.json"
    assert candleloop("annotations", "export", *named, "--out", str(file)).returncode == 0
    again = json.loads(candleloop("annotations", "import", str(file), *named, "--json").stdout)
    assert (again["added"], again["unchanged"], again["conflicts"]) == (0, 98, [])


def test_talib_labels_are_counted_by_function(candleloop):
    named = with_samples(candleloop)
    counts = json.loads(candleloop("label", *named, "--patterns", "CDLDOJI,CDLHAMMER", "--json").stdout)
    assert counts == {"CDLDOJI": 1016, "CDLHAMMER": 193}
    refused = candleloop("label", *named, "--patterns", "CDLNONE")
    assert (refused.returncode, "found CDLNONE" in refused.stderr) == (1, True)


def test_training_prints_nothing_but_json_and_the_run_can_be_used(candleloop, tmp_path):
    named = with_samples(candleloop)
    setting = ("-s", "stages.training.hyperparameters.n_estimators=4", *IN_ONE_BLOCK)
    asked = ("--model", "xgboost", "--encoder", "bio", "--labels", "human,talib")
    trained = json.loads(candleloop("train", *named, *asked, *setting, "--json").stdout)
    assert trained["model_version"] == "1"
    assert {"accuracy", "f1_macro", "span_f1", "span_support", "confusion"} <= trained["metrics"].keys()

    evaluated = json.loads(
        candleloop("evaluate", "--run", trained["run_id"], *named, "--labels", "talib", "--json").stdout
    )
    assert evaluated["in_sample"] is True
    assert {"micro", "macro", "macro_supported", "per_label"} == evaluated["span_f1"]["0.5"].keys()
    assert "bull_flag" not in evaluated["span_support"]
    later = candleloop("evaluate", *named, "--start", "2017-12-15", "--end", "2017-12-29", "--json")
    assert json.loads(later.stdout)["in_sample"] is False

    predicted = json.loads(candleloop("predict", *named, "--json").stdout)
    assert predicted.keys() == {"pair", "timeframe", "spans", "per_candle", "candle_count", "model_info"}
    assert len(predicted["per_candle"]) == predicted["candle_count"] == 6225
    listed = json.loads(candleloop("runs", "--json").stdout)
    assert [run["run_id"] for run in listed] == [trained["run_id"]]

    assert f"run {trained['run_id']}: xgboost, bio" in candleloop("log", trained["run_id"]).stdout
    assert "No training run none" in candleloop("log", "none").stderr

    card = candleloop("card")
    assert card.stdout.startswith(f"# candleloop, version 1 (run {trained['run_id']})")
    page = tmp_path / "card.html"
    assert candleloop("card", trained["run_id"], "--html", str(page)).returncode == 0
    assert page.read_text().count("<svg") == 5
    place = predicted["spans"][50]
    asked = ("--at", str(place["start_time"]), "--label", place["label"])
    why = json.loads(candleloop("explain", *named, *asked, "--json").stdout)
    assert why["span"]["label"] == place["label"]
    assert len(why["reasons"]) == 6
    assert "share" in candleloop("explain", *named, *asked).stdout
    assert "and none before it" in candleloop("rollback").stderr
    assert "found it ready, expected it under way" in candleloop("cancel", trained["run_id"]).stderr
    again = candleloop("promote", trained["run_id"])
    assert (again.returncode, "version 1" in again.stderr) == (0, True)


def test_windows_are_trained_on_and_explained(candleloop):
    named = with_samples(candleloop)
    small = (
        *("-s", "stages.training.hyperparameters.n_estimators=4"),
        *("-s", "stages.training.gate.enabled=false"),
        *IN_ONE_BLOCK,
    )
    trained = candleloop("train", *named, "--encoder", "window", "--labels", "human", *small, "--json")
    assert trained.returncode == 0, trained.stderr
    (run,) = json.loads(candleloop("runs", "--json").stdout)
    assert (run["run_id"], run["encoder"]) == (json.loads(trained.stdout)["run_id"], "window")
    found = json.loads(candleloop("predict", *named, "--json").stdout)["spans"]
    assert found
    asked = ("--at", str(found[0]["start_time"]), "--label", found[0]["label"])
    why = json.loads(candleloop("explain", *named, *asked, "--json").stdout)
    assert (why["span"]["start_time"], len(why["reasons"])) == (found[0]["start_time"], 6)


def test_a_refused_run_says_so_and_is_promoted_with_a_reason(candleloop, tmp_path):
    named = with_samples(candleloop)
    small = (
        *("-s", "stages.training.hyperparameters.n_estimators=2"),
        *("-s", "stages.training.gate.least_span_f1=1"),
        *IN_ONE_BLOCK,
    )
    patterns = ("-s", "stages.annotation_ingestion.talib_patterns=[CDLDOJI]")
    done = candleloop("train", *named, "--labels", "talib", *small, *patterns)
    assert "The gate refused it" in done.stderr
    (run,) = json.loads(candleloop("runs", "--json").stdout)
    assert run["status"] == "rejected"
    refused = candleloop("promote", run["run_id"])
    assert (refused.returncode, "--over" in refused.stderr) == (1, True)
    promoted = candleloop("promote", run["run_id"], "--over", "a first model")
    assert (promoted.returncode, "version 1" in promoted.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--model", "xgbost"], "stages.training.model_type: found 'xgbost', expected one of"),
        (["train", "--pair", "NONE"], "NONE 1h: found no stored candles"),
        (
            ["train", "-s", "stages.training.sed=1"],
            "stages.training.sed: found an unknown key, expected one of",
        ),
        (
            ["train", "-s", "stages.training.hyperparameters.eta=1"],
            "hyperparameters.eta: found 1 for xgboost",
        ),
        (["train", "--encoder", "iob"], "label_encoding: found 'iob'"),
        (["predict", "--pair", "EURUSD", "--timeframe", "1h"], "champion of candleloop: there is none yet"),
        (["label", "--pair", "EURUSD", "--timeframe", "1M"], "1m for one minute or 1mo for one month"),
        (["promote", "nothing"], "No training run nothing"),
        (["cancel", "nothing"], "No training run nothing"),
        (["rollback"], "champion of candleloop: there is none yet"),
        (["card"], "champion of candleloop: there is none yet"),
        (["tune", "--time-budget", "10"], "time budget: found '10', expected such as 90s, 10m or 2h"),
        (["tune", "--pair", "NONE", "--trials", "1"], "NONE 1h: found no stored candles"),
        (["api", "--host", "0.0.0.0"], "no valid API key"),
        (["console", "--host", "0.0.0.0"], "no valid API key"),
    ],
)
def test_what_is_refused_says_why_and_exits_with_one(candleloop, arguments, message):
    done = candleloop(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_used_is_named(candleloop, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CANDLELOOP_HOME", str(tmp_path / "file"))
    for command in (["up"], ["candles", "list"]):
        done = candleloop(*command)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert "Set CANDLELOOP_HOME to a folder you may write" in done.stderr
