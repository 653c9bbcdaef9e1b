"""A store with something in every table, JSON, edits and numbers that gaps have been left in."""

from dataclasses import replace

from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange
from mllib.store import Feedback, Store

JUDGED = JudgedPrediction(label="flag", confidence=0.1 + 0.2, start_time=10, end_time=20)
SAID = Feedback(client_id="c1", pair="EURUSD", timeframe="1h", action="confirm", prediction=JUDGED)


def fill(store: Store, *, annotations: int = 30) -> None:
    """Puts at least a row in each table; edits come before what they replace by key, and after it."""
    store.series.ensure("GONE", "1h")
    store.labels.ensure(["flag", "wedge"])
    store.labels.recolor("flag", "#123456")
    spans = [Annotation("flag", n, n + 5, id=f"a{n}", notes="überall “so”") for n in range(annotations)]
    store.annotations.add("EURUSD", "1h", spans, reviewed=[ReviewedRange(0, 99, frozenset({"flag"}))])
    for label in ("wedge", "pennant", "flag"):
        edited = [replace(one, label=label, extra={"ü": [1.5, None]}) for one in spans[:10]]
        store.annotations.add("EURUSD", "1h", edited, update=True)
    store.annotations.retract("a1", annotator="ann")
    first, _ = store.verdicts.record(SAID)
    other = replace(SAID, client_id="c2", action="dismiss", settles=(first.id,))
    store.verdicts.record(other)
    nothing = replace(SAID, client_id="c3", action="nothing", prediction=None, labels=("flag",))
    told, _ = store.verdicts.record(replace(nothing, start_time=40, end_time=60))
    store.verdicts.retract(told.id)
    store.talib.replace("EURUSD", "1h", ["CDLX"], {"CDLX": [PredictedSpan("x", 1, 2, 0.7, 2)]}, 5)
    run = store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={"pairs": ["ü"]}
    )
    store.runs.claim(run.run_id, owner="box/1:2")
    result = {"data_version": "d", "mlflow_run_id": None, "predictor_path": "predictors/x"}
    store.runs.finish_ready(run.run_id, metrics={"accuracy": 0.1 + 0.2}, **result)
    store.champions.move("candleloop", run.run_id, moved_by="auto")
    store.workers.beat("worker", 1, "box")
    store.api_keys.create("chart", ["read"])
    store.series.delete("GONE", "1h")
