"""`candleloop annotations …` as a script and a person see it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mllib.candles import Candles
from mllib.pipeline.workspace import open_workspace
from tests.naive import sample
from tests.pipeline.conftest import entry, export_file, store_candles

EURUSD = ("--pair", "EURUSD", "--timeframe", "1h")


@pytest.fixture
def candles(tmp_path: Path) -> Candles:
    """Candles that are stored in the home of `candleloop`."""
    with open_workspace(tmp_path / "home") as ws:
        return store_candles(ws, sample("EURUSD_1h")[:300])


def test_conflicts_are_shown_in_words_and_superseded_with_update(candleloop, candles, tmp_path):
    entries = [entry(candles, "flag", 5 * i, 5 * i + 4) for i in range(12)]
    first = ("annotations", "import", str(export_file(tmp_path, *entries)), *EURUSD)
    assert "12 added" in candleloop(*first).stderr
    export_file(tmp_path, *({**one, "outcome": "win"} for one in entries))
    told = candleloop(*first).stderr
    assert "0 added, 0 updated, 0 unchanged, 12 in conflict" in told
    assert "flag-0-4 (flag): outcome nothing, now win" in told
    assert told.count("outcome nothing, now win") == 10
    assert "and 2 more like these" in told
    assert "--update" in told
    shown = json.loads(candleloop(*first, "--json").stdout)
    assert len(shown["conflicts"]) == 12
    assert shown["conflicts"][0] == {
        "id": "flag-0-4",
        "label": "flag",
        "retracted": False,
        "differences": [{"field": "outcome", "stored": None, "given": "win"}],
    }
    updated = json.loads(candleloop(*first, "--update", "--json").stdout)
    assert (updated["updated"], updated["conflicts"]) == (12, [])
    exported = json.loads(candleloop("annotations", "export", *EURUSD).stdout)
    assert {one["outcome"] for one in exported["annotations"]} == {"win"}


def test_an_empty_import_marks_nothing_as_reviewed_unless_told_to(candleloop, candles, tmp_path):
    candleloop("annotations", "import", str(export_file(tmp_path, entry(candles, "flag", 3, 9))), *EURUSD)
    empty = ("annotations", "import", str(export_file(tmp_path)), *EURUSD)
    told = candleloop(*empty).stderr
    assert "nothing was marked as reviewed" in told
    assert "Reviewed: none;" in told
    assert (
        "Reviewed: all; without a span there, none of these labels is there: flag."
        in candleloop(*empty, "--reviewed", "all").stderr
    )


def test_an_export_has_present_names_and_comes_as_csv_too(candleloop, candles, tmp_path):
    candleloop("annotations", "import", str(export_file(tmp_path, entry(candles, "flag", 3, 9))), *EURUSD)
    candleloop("labels", "rename", "flag", "bull_flag")
    out = tmp_path / "out.csv"
    assert "present names" in candleloop("annotations", "export", *EURUSD, "--out", str(out)).stderr
    assert "bull_flag" in out.read_text()
    again = json.loads(candleloop("annotations", "import", str(out), *EURUSD, "--json").stdout)
    assert (again["unchanged"], again["conflicts"]) == (1, [])


def test_an_export_with_candles_says_what_it_left_out_and_is_read_back(candleloop, candles, tmp_path):
    entries = entry(candles, "flag", 3, 9), entry(candles, "wedge", 8, 20), entry(candles, "flag", 30, 32)
    candleloop("annotations", "import", str(export_file(tmp_path, *entries)), *EURUSD)
    out = tmp_path / "out.csv"
    told = candleloop("annotations", "export", *EURUSD, "--format", "bio", "--out", str(out)).stderr
    assert "2 annotations written" in told
    assert "1 left out: a candle has one label" in told
    again = json.loads(candleloop("annotations", "import", str(out), *EURUSD, "--json").stdout)
    assert (again["added"], again["conflicts"]) == (2, [])
    shown = candleloop("annotations", "export", *EURUSD, "--format", "windows").stdout
    assert shown.startswith("id,start_time,end_time,label,")
    assert len(shown.splitlines()) == 6


def test_a_chart_is_pulled_from_the_tool(candleloop, candles):
    export = json.dumps({"annotations": [entry(candles, "flag", 3, 9)]}).encode()

    class Tool(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path.endswith("chartId=3") else 404)
            self.end_headers()
            self.wfile.write(export)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Tool)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        asked = ("annotations", "pull", "--url", f"http://127.0.0.1:{server.server_port}", *EURUSD)
        assert json.loads(candleloop(*asked, "--chart", "3", "--json").stdout)["added"] == 1
        missing = candleloop(*asked, "--chart", "4")
        assert (missing.returncode, "found status 404" in missing.stderr) == (1, True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_report_is_a_table_and_json(candleloop, candles, tmp_path):
    file = export_file(tmp_path, entry(candles, "flag", 3, 9), entry(candles, "wedge", 5, 12))
    candleloop("annotations", "import", str(file), *EURUSD)
    found = json.loads(candleloop("annotations", "report", *EURUSD, "--json").stdout)
    assert found["overlaps"] == [{"label": "flag", "other": "wedge", "pairs": 1}]
    assert found["strategies"][0]["strategy"] == "human_priority"
    (flag,) = (one for one in found["counts"] if one["label"] == "flag")
    assert (flag["source"], flag["count"], flag["median_bars"]) == ("human", 1, 7.0)
    assert "What a merge strategy keeps" in candleloop("annotations", "report", *EURUSD).stdout
