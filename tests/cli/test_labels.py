"""`candleloop labels …` as a script and a person see it."""

import json


def test_labels_are_added_renamed_merged_retired_and_restored(candleloop):
    for name in ("flag", "wedge", "doji"):
        assert candleloop("labels", "add", name).returncode == 0
    made = json.loads(
        candleloop("labels", "add", "star", "--color", "#010203", "--key", "x", "--json").stdout
    )
    assert (made["name"], made["color"], made["key"]) == ("star", "#010203", "x")
    assert "flag is now bull_flag" in candleloop("labels", "rename", "flag", "bull_flag").stderr
    assert candleloop("labels", "merge", "wedge", "--into", "bull_flag").returncode == 0
    assert json.loads(candleloop("labels", "retire", "doji", "--json").stdout)["retired"] is True
    assert candleloop("labels", "recolor", "star", "#aabbcc").returncode == 0
    assert "the key s" in candleloop("labels", "key", "star", "s").stderr

    listed = json.loads(candleloop("labels", "list", "--json").stdout)
    assert [(one["name"], one["color"]) for one in listed if one["name"] == "star"] == [("star", "#aabbcc")]
    assert {one["name"] for one in listed} == {"star", "bull_flag"}
    every = json.loads(candleloop("labels", "list", "--all", "--json").stdout)
    assert {one["name"]: one["leads_to"] for one in every if one["leads_to"]} == {
        "flag": "bull_flag",
        "wedge": "bull_flag",
    }
    assert "now bull_flag" in candleloop("labels", "list", "--all").stdout

    told = json.loads(candleloop("labels", "history", "--json").stdout)
    assert [(one["name"], one["kind"], one["value"]) for one in told][:3] == [
        ("flag", "rename", "bull_flag"),
        ("wedge", "merge", "bull_flag"),
        ("doji", "retire", None),
    ]
    assert "merge" in candleloop("labels", "history", "wedge").stdout
    assert candleloop("labels", "restore", "wedge").returncode == 0
    assert "wedge" in candleloop("labels", "list").stdout


def test_a_change_that_cannot_be_is_refused(candleloop):
    candleloop("labels", "add", "flag")
    for arguments, said in (
        (("add", "flag"), "found it in use already"),
        (("rename", "none", "some"), "found no such label"),
        (("recolor", "flag", "red"), "expected #rrggbb"),
        (("restore", "flag"), "found it in use"),
    ):
        done = candleloop("labels", *arguments)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
