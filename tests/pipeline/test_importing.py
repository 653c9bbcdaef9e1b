import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mllib.annotation_files import content, fetching, read_annotation_file, to_csv, to_json, write_export
from mllib.candles import Candles
from mllib.encoders import reviewed_bars
from mllib.errors import CandleloopError, InvalidAnnotations, InvalidConfig, NotFound, NotReady
from mllib.pipeline.importing import (
    AnnotationImport,
    AnnotationPreview,
    Chart,
    import_annotations,
    preview_annotations,
    pull_annotations,
)
from mllib.pipeline.workspace import Workspace
from mllib.spans import ReviewedRange
from mllib.timeframes import parse_time
from tests.naive import sample
from tests.pipeline.conftest import entry, export_file, store_candles

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}
EURUSD_CHART = Chart("EURUSD", "1h")


def test_an_import_stores_spans_labels_and_what_was_reviewed(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    file = export_file(tmp_path, entry(candles, "bull_flag", 3, 9), entry(candles, "bear_flag", 20, 29))
    done = import_annotations(ws, file, **EURUSD)
    assert (done.outcome.added, done.outcome.unchanged) == (2, 0)
    looked = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), frozenset({"bull_flag", "bear_flag"}))
    assert done.reviewed == (looked,)
    assert {label.name for label in ws.store.labels.list()} >= {"bull_flag", "bear_flag"}
    assert import_annotations(ws, file, **EURUSD).outcome.unchanged == 2
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 2


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [("{5}..{9}", 5, 9), ("2017-01-02..2017-01-03T02:00", 2, 28), ("none", None, None)],
)
def test_reviewed_is_what_the_importer_says(
    ws: Workspace, candles: Candles, tmp_path: Path, text: str, first: int | None, last: int | None
) -> None:
    for bar in (5, 9):
        text = text.replace(f"{{{bar}}}", str(candles.time[bar]))
    file = export_file(tmp_path, entry(candles, "bull_flag", 6, 7))
    import_annotations(ws, file, **EURUSD, reviewed=text)
    reviewed = ws.store.annotations.reviewed("EURUSD", "1h")
    looked = reviewed_bars("bull_flag", candles, reviewed).nonzero()[0].tolist()
    assert looked == ([] if first is None or last is None else list(range(first, last + 1)))


@pytest.mark.parametrize("text", ["[]", "start_time,end_time,label\n", "time,close,label\n0,1,O\n"])
def test_a_file_without_annotations_marks_nothing_unless_told_to(
    ws: Workspace, candles: Candles, tmp_path: Path, text: str
) -> None:
    import_annotations(ws, export_file(tmp_path, entry(candles, "flag", 3, 9)), **EURUSD, reviewed="none")
    empty = tmp_path / "empty"
    empty.write_text(text)
    done = import_annotations(ws, empty, **EURUSD)
    assert (done.reviewed, ws.store.annotations.reviewed("EURUSD", "1h")) == ((), [])
    assert any("nothing was marked as reviewed" in note for note in done.notes)
    told = import_annotations(ws, empty, **EURUSD, reviewed="all")
    assert ([one.labels for one in told.reviewed], told.notes) == ([{"flag"}], ())


@pytest.mark.parametrize(
    "text", ["2017-01-05..2017-01-02", "1990-01-01..1990-02-01", "2090-01-01..2091-01-01"]
)
def test_a_review_of_no_candle_is_refused_and_nothing_is_stored(
    ws: Workspace, candles: Candles, tmp_path: Path, text: str
) -> None:
    file = export_file(tmp_path, entry(candles, "bull_flag", 6, 7))
    with pytest.raises(InvalidAnnotations, match="expected START before END and candles of EURUSD 1h"):
        import_annotations(ws, file, **EURUSD, reviewed=text)
    assert ws.store.annotations.list("EURUSD", "1h") == []


def test_a_date_as_the_end_of_a_review_means_that_whole_day(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    file = export_file(tmp_path, entry(candles, "bull_flag", 6, 7))
    done = import_annotations(ws, file, **EURUSD, reviewed="2017-01-02..2017-01-03")
    assert done.reviewed[0].end_time == parse_time("2017-01-03T23:59:59")


@pytest.mark.parametrize("text", ["everything", "2017-01-01", "a..b", "2017-01-01..", "..", "--5..6"])
def test_a_review_that_cannot_be_read_stores_nothing(
    ws: Workspace, candles: Candles, tmp_path: Path, text: str
) -> None:
    file = export_file(tmp_path, entry(candles, "bull_flag", 6, 7))
    with pytest.raises(CandleloopError, match=r"expected (all, none or START|Unix)"):
        import_annotations(ws, file, **EURUSD, reviewed=text)
    assert ws.store.annotations.list("EURUSD", "1h") == []


def test_swapped_bounds_are_put_right_and_said(ws: Workspace, candles: Candles, tmp_path: Path) -> None:
    done = import_annotations(ws, export_file(tmp_path, entry(candles, "bull_flag", 9, 3)), **EURUSD)
    assert any("swap" in note for note in done.notes)
    (stored,) = ws.store.annotations.list("EURUSD", "1h")
    assert (stored.start_time, stored.end_time) == (candles.time[3], candles.time[9])


def test_an_annotation_outside_the_candles_stores_nothing(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    outside = {"id": "x", "label": "bull_flag", "start_time": 5, "end_time": 9}
    with pytest.raises(InvalidAnnotations, match=r"outside|beyond|before"):
        import_annotations(ws, export_file(tmp_path, entry(candles, "bull_flag", 3, 9), outside), **EURUSD)
    assert ws.store.annotations.list("EURUSD", "1h") == []


def test_an_unknown_pair_is_said_with_those_that_there_are(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match=r"GBPUSD 1h: .*EURUSD 1h"):
        import_annotations(
            ws, export_file(tmp_path, entry(candles, "x", 1, 2)), pair="GBPUSD", timeframe="1h"
        )


def test_whoever_labels_one_series_is_taken_to_know_the_labels_of_the_others(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    import_annotations(ws, export_file(tmp_path, entry(candles, "bull_flag", 3, 9)), **EURUSD)
    ws.candles.merge(replace(candles, pair="GBPUSD"))
    other = import_annotations(
        ws, export_file(tmp_path, entry(candles, "wedge", 3, 9)), pair="GBPUSD", timeframe="1h"
    )
    assert other.reviewed[0].labels == {"bull_flag", "wedge"}
    named = import_annotations(ws, export_file(tmp_path), **EURUSD, reviewed="all", labels=["wedge"])
    assert named.reviewed[0].labels == {"wedge"}


def test_what_comes_again_with_other_content_is_told_and_not_written(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    first = entry(candles, "bull_flag", 3, 9)
    import_annotations(ws, export_file(tmp_path, first), **EURUSD)
    changed = {**first, "end_time": int(candles.time[12]), "confidence": 4}
    done = import_annotations(ws, export_file(tmp_path, changed), **EURUSD)
    assert (done.outcome.added, done.outcome.updated) == (0, 0)
    (conflict,) = done.conflicts
    assert [(one.field, one.stored, one.given) for one in conflict.differences] == [
        ("end_time", first["end_time"], changed["end_time"]),
        ("confidence", None, 4),
    ]
    assert conflict.words == (
        "bull_flag-3-9 (bull_flag): end_time 2017-01-02T07:00:00Z, now 2017-01-02T10:00:00Z; "
        "confidence nothing, now 4"
    )
    (stored,) = ws.store.annotations.list("EURUSD", "1h")
    assert stored.end_time == first["end_time"]

    done = import_annotations(ws, export_file(tmp_path, changed), **EURUSD, update=True)
    assert (done.outcome.updated, done.conflicts) == (1, ())
    (stored,) = ws.store.annotations.list("EURUSD", "1h")
    assert (stored.end_time, stored.clarity) == (changed["end_time"], 4)
    ws.store.annotations.retract(first["id"])
    (conflict,) = import_annotations(ws, export_file(tmp_path, first), **EURUSD, update=True).conflicts
    assert conflict.retracted
    assert "taken back since" in conflict.words


def test_what_became_of_labels_is_said(ws: Workspace, candles: Candles, tmp_path: Path) -> None:
    for name in ("flag", "wedge"):
        ws.store.labels.add(name)
    ws.store.labels.rename("flag", "bull_flag")
    ws.store.labels.retire("wedge")
    file = export_file(tmp_path, entry(candles, "flag", 3, 9), entry(candles, "wedge", 20, 29))
    done = import_annotations(ws, file, **EURUSD)
    assert done.notes == (
        "Label flag counts as bull_flag, as it is called now.",
        "Label wedge is retired: its spans are stored, but nobody learns from them.",
    )
    again = import_annotations(ws, export_file(tmp_path, entry(candles, "bull_flag", 3, 9)), **EURUSD)
    assert again.outcome.added == 1


def test_talibs_labels_in_a_file_are_not_taken_as_looked_for(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    file = export_file(
        tmp_path, entry(candles, "flag", 3, 9), entry(candles, "bullish_doji", 4, 4, source="talib")
    )
    (looked,) = import_annotations(ws, file, **EURUSD).reviewed
    assert looked.labels == {"flag"}


def test_of_two_charts_in_one_file_it_is_said_which_other_series_fits(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    other = store_candles(ws, replace(sample("EURUSD_1h")[1_000:1_200], pair="OTHER"))
    stray = entry(other, "flag", 10, 20)
    file = export_file(tmp_path, entry(candles, "flag", 3, 9), stray)
    with pytest.raises(InvalidAnnotations, match=r"1 of 2 .*mixed in one file.*there are 1 on OTHER 1h"):
        import_annotations(ws, file, **EURUSD)
    assert ws.store.annotations.list("EURUSD", "1h") == []


@pytest.mark.parametrize("name", ["out.json", "out.csv"])
def test_what_is_exported_changes_nothing_when_it_is_imported(
    ws: Workspace, candles: Candles, tmp_path: Path, name: str
) -> None:
    part = {"label": "pole", "start_time": int(candles.time[3]), "end_time": int(candles.time[5])}
    judged = {"label": "flag", "confidence": 0.7, "model_version": "3"}
    file = export_file(
        tmp_path,
        entry(candles, "flag", 9, 3, sub_spans=[part], confidence=5, outcome="loss", notes="a, b"),
        entry(candles, "wedge", 4, 12, source="model", model_prediction=judged),
        entry(candles, "pennant", 4, 12, source="human_correction", model_prediction=judged),
        entry(candles, "O", 20, 29, model_prediction=judged),
        entry(candles, "O", 40, 49),
    )
    assert import_annotations(ws, file, **EURUSD).outcome.added == 5
    out = tmp_path / name
    written = to_csv if out.suffix == ".csv" else to_json
    write_export(out, written(ws.store.annotations.list("EURUSD", "1h")))
    again = import_annotations(ws, out, **EURUSD)
    assert (again.outcome.unchanged, again.outcome.added, again.conflicts) == (5, 0, ())


class _Tool(BaseHTTPRequestHandler):
    """The annotation tool's export route, and what else may answer in its place."""

    exports: dict[str, Any]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        chart = self.path.rpartition("=")[2]
        if chart == "slow":
            time.sleep(1.5)
        if chart == "cut":
            self._answer(200, b"[" + b" " * 50, length=500)
        elif chart == "html":
            self._answer(200, b"<html>Log in</html>")
        elif chart == "broken":
            self._answer(500, b"{}")
        elif chart in self.exports:
            self._answer(200, json.dumps(self.exports[chart]).encode())
        else:
            self._answer(404, b"{}")

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def tool(candles: Candles) -> Iterator[str]:
    _Tool.exports = {
        "7": {"annotations": [entry(candles, "bull_flag", 3, 9)]},
        "slow": {"annotations": []},
        "large": {"annotations": [], "padding": "x" * 5_000},
    }
    _Tool.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tool)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _pull(ws: Workspace, url: str, chart: str = "7", **more: Any) -> AnnotationImport:
    return pull_annotations(ws, url, chart_id=chart, chart=Chart("EURUSD", "1H"), **more)


def test_a_chart_is_pulled_as_its_file_would_be_imported(ws: Workspace, candles: Candles, tool: str) -> None:
    assert _pull(ws, tool).outcome.added == 1
    assert _pull(ws, f"{tool}/").outcome.unchanged == 1
    assert _Tool.asked == ["/api/span-annotations/export?chartId=7"] * 2
    _Tool.exports["7"] = {"annotations": [{**entry(candles, "bull_flag", 3, 9), "confidence": 1}]}
    assert [one.id for one in _pull(ws, tool).conflicts] == ["bull_flag-3-9"]
    assert _pull(ws, tool, update=True).outcome.updated == 1


@pytest.mark.parametrize(
    ("chart", "kind", "message"),
    [
        ("8", NotFound, "found status 404, expected the annotations of chart 8"),
        ("broken", NotReady, "found status 500, expected 200"),
        ("html", InvalidAnnotations, "begins '<html>Log in</html>', expected the tool's JSON export"),
        ("cut", NotReady, "expected the annotation tool"),
        ("slow", NotReady, "found no whole answer after 0.5 s"),
        ("large", InvalidAnnotations, "found an answer of more than 4,000 bytes"),
    ],
)
def test_what_the_tool_cannot_give_is_said(
    ws: Workspace,
    tool: str,
    monkeypatch: pytest.MonkeyPatch,
    chart: str,
    kind: type[CandleloopError],
    message: str,
) -> None:
    for module in (content, fetching):
        monkeypatch.setattr(module, "MOST_BYTES", 4_000)
    with pytest.raises(kind, match=message):
        _pull(ws, tool, chart, timeout_s=0.5)
    assert ws.store.annotations.list("EURUSD", "1h") == []


@pytest.mark.parametrize(
    "url", ["localhost:3000", "file:///etc/passwd", "http://", "http://x:99999", "ftp://a"]
)
def test_a_url_that_is_none_of_http_is_refused(ws: Workspace, url: str) -> None:
    with pytest.raises(InvalidConfig, match=r"expected one of http or https"):
        _pull(ws, url)


def test_a_tool_that_is_not_there_is_said(ws: Workspace) -> None:
    with pytest.raises(NotReady, match=r"found no answer \(.*refused\), expected the annotation tool"):
        _pull(ws, "http://127.0.0.1:9")


def _previewed(
    ws: Workspace, file: Path, chart: Chart = EURUSD_CHART, *, update: bool = False
) -> AnnotationPreview:
    return preview_annotations(ws, read_annotation_file(file), chart=chart, update=update)


def test_a_preview_says_what_the_import_then_does_and_stores_nothing(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    first = entry(candles, "bull_flag", 3, 9)
    import_annotations(ws, export_file(tmp_path, first), **EURUSD)
    moved = {**first, "end_time": int(candles.time[12])}
    file = export_file(
        tmp_path, moved, entry(candles, "bear_flag", 20, 29), entry(candles, "bear_flag", 40, 49)
    )
    found = _previewed(ws, file)
    assert found.counts == {"bear_flag": {"human": 2}, "bull_flag": {"human": 1}}
    assert (found.first_time, found.last_time) == (candles.time[3], candles.time[49])
    assert (found.done.outcome.added, len(found.done.conflicts)) == (2, 1)
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 1
    assert {label.name for label in ws.store.labels.list()} == {"bull_flag"}
    assert _previewed(ws, file, update=True).done.outcome.updated == 1
    assert import_annotations(ws, file, **EURUSD) == found.done


def test_a_preview_refuses_what_the_import_refuses(ws: Workspace, candles: Candles, tmp_path: Path) -> None:
    off = entry(candles, "bull_flag", 3, 9) | {"start_time": int(candles.time[3]) + 1}
    with pytest.raises(InvalidAnnotations, match="between candles"):
        _previewed(ws, export_file(tmp_path, off))


def test_a_series_of_which_nothing_was_said_can_be_previewed(ws: Workspace, tmp_path: Path) -> None:
    other = replace(sample("EURUSD_1h")[:50], pair="OTHER")
    ws.candles.merge(other)
    file = export_file(tmp_path, entry(other, "bull_flag", 3, 9))
    found = _previewed(ws, file, Chart("OTHER", "1h", "none"))
    assert (found.done.outcome.added, found.done.reviewed) == (1, ())
    assert ("OTHER", "1h") not in {(one.pair, one.timeframe) for one in ws.store.series.list()}
