import subprocess
import sys
from dataclasses import replace

import pytest

from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.spans import JudgedPrediction, ReviewedRange, Span
from mllib.store import Feedback, Store

PREDICTION = JudgedPrediction(label="flag", confidence=0.8, model_version="3", start_time=10, end_time=20)
CONFIRM = Feedback(
    client_id="c1", pair="EURUSD", timeframe="1h", action="confirm", prediction=PREDICTION, annotator="ann"
)
FLAG_SEEN = ReviewedRange(10, 20, frozenset({"flag"}))

RECORD = """
import sys
from mllib.spans import JudgedPrediction
from mllib.store import Feedback, open_store

with open_store(sys.argv[1]) as store:
    for n in range(int(sys.argv[2])):
        judged = JudgedPrediction(label="flag", confidence=0.5, start_time=n, end_time=n + 5)
        verdict, created = store.verdicts.record(
            Feedback(client_id=f"c{n}", pair="EURUSD", timeframe="1h", action="confirm", prediction=judged)
        )
        print(verdict.id, int(created), flush=True)
"""


def test_a_confirmation_becomes_an_annotation_with_its_prediction(store: Store) -> None:
    verdict, created = store.verdicts.record(replace(CONFIRM, note="clear"))
    assert created
    (annotation,) = store.annotations.list("EURUSD", "1h")
    assert annotation == store.verdicts.annotation_of(verdict.id)
    assert (annotation.id, annotation.source) == (verdict.annotation_id, "model_confirmed")
    assert (annotation.label, annotation.start_time, annotation.end_time) == ("flag", 10, 20)
    assert (annotation.annotator, annotation.notes) == ("ann", "clear")
    assert annotation.model_prediction == PREDICTION
    assert store.annotations.reviewed("EURUSD", "1h") == [FLAG_SEEN]


def test_a_correction_stands_where_the_annotator_put_it(store: Store) -> None:
    verdict, _ = store.verdicts.record(replace(CONFIRM, action="correct", label="wedge", start_time=5))
    annotation = store.verdicts.annotation_of(verdict.id)
    assert annotation is not None
    assert (annotation.source, annotation.label, annotation.start_time) == ("model_corrected", "wedge", 5)
    assert set(store.annotations.reviewed("EURUSD", "1h")) == {
        FLAG_SEEN,
        ReviewedRange(5, 20, frozenset({"wedge"})),
    }


def test_a_dismissal_is_a_person_saying_o(store: Store) -> None:
    verdict, _ = store.verdicts.record(replace(CONFIRM, action="dismiss"))
    annotation = store.verdicts.annotation_of(verdict.id)
    assert annotation is not None
    assert (annotation.source, annotation.label, annotation.model_prediction) == ("human", "O", PREDICTION)


def test_the_same_client_id_gives_the_same_answer(store: Store) -> None:
    first, _ = store.verdicts.record(CONFIRM)
    assert store.verdicts.record(CONFIRM) == (first, False)
    assert len(store.annotations.list("EURUSD", "1h")) == 1


def test_a_client_id_with_other_content_is_refused(store: Store) -> None:
    first, _ = store.verdicts.record(CONFIRM)
    with pytest.raises(Conflict, match="feedback c1 is refused: found that client_id stored") as caught:
        store.verdicts.record(replace(CONFIRM, action="dismiss"))
    assert caught.value.active_id == first.id
    assert len(store.verdicts.list()) == 1


def test_refused_feedback_leaves_nothing(store: Store) -> None:
    with pytest.raises(InvalidAnnotations, match="neither label nor bounds"):
        store.verdicts.record(replace(CONFIRM, action="correct"))
    assert store.series.list() == []


def test_a_retracted_verdict_takes_its_annotation_and_ranges_with_it(store: Store) -> None:
    kept, _ = store.verdicts.record(replace(CONFIRM, client_id="c2", action="dismiss"))
    verdict, _ = store.verdicts.record(replace(CONFIRM, action="correct", end_time=30))
    store.verdicts.retract(verdict.id, annotator="ben")
    store.verdicts.retract(verdict.id)
    assert store.verdicts.list() == [kept]
    assert [one.id for one in store.annotations.list("EURUSD", "1h")] == [kept.annotation_id]
    assert store.annotations.reviewed("EURUSD", "1h") == [FLAG_SEEN]
    kept_as_history = store.verdicts.annotation_of(verdict.id)
    assert kept_as_history is not None
    assert kept_as_history.end_time == 30


ADD = replace(
    CONFIRM, client_id="a1", action="add", prediction=None, label="flag", start_time=40, end_time=50
)
SKIP = replace(CONFIRM, client_id="s1", action="skip")


def test_an_added_span_stands_without_a_prediction(store: Store) -> None:
    verdict, created = store.verdicts.record(replace(ADD, as_of=60, origin="audit", model_version="3"))
    assert created
    assert store.verdicts.list() == [verdict]
    assert (verdict.prediction, verdict.model_version, verdict.origin) == (None, "3", "audit")
    assert (verdict.span, verdict.place) == (Span("flag", 40, 50), Span("flag", 40, 50))
    annotation = store.verdicts.annotation_of(verdict.id)
    assert annotation is not None
    assert (annotation.source, annotation.model_prediction) == ("human", None)
    assert (annotation.extra, verdict.as_of) == ({"as_of": 60}, 60)
    assert store.annotations.reviewed("EURUSD", "1h") == [ReviewedRange(40, 50, frozenset({"flag"}))]


def test_a_skip_says_nothing_and_is_listed_only_on_request(store: Store) -> None:
    skip, created = store.verdicts.record(SKIP)
    assert created
    assert store.verdicts.record(SKIP) == (skip, False)
    assert (store.verdicts.list(), store.verdicts.list(with_skips=True)) == ([], [skip])
    assert (skip.annotation_id, skip.place) == (None, Span("flag", 10, 20))
    assert store.verdicts.annotation_of(skip.id) is None
    assert (store.annotations.list("EURUSD", "1h"), store.annotations.reviewed("EURUSD", "1h")) == ([], [])


NOTHING = replace(ADD, client_id="n1", action="nothing", label=None, labels=("wedge", "flag"), origin="audit")
NOTHING_SEEN = ReviewedRange(40, 50, frozenset({"flag", "wedge"}))


def test_where_nothing_is_missing_the_place_is_reviewed_and_nothing_else_is_made(store: Store) -> None:
    verdict, created = store.verdicts.record(NOTHING)
    assert created
    assert store.verdicts.record(replace(NOTHING, labels=("flag", "wedge"))) == (verdict, False)
    assert store.verdicts.list() == [verdict]
    assert (verdict.place, verdict.labels) == (Span("O", 40, 50), ("flag", "wedge"))
    assert store.verdicts.annotation_of(verdict.id) is None
    assert store.annotations.list("EURUSD", "1h") == []
    assert store.annotations.reviewed("EURUSD", "1h") == [NOTHING_SEEN]
    with pytest.raises(Conflict, match="stored with other content"):
        store.verdicts.record(replace(NOTHING, labels=("flag",)))


def test_what_was_looked_for_goes_by_its_present_name(store: Store) -> None:
    store.verdicts.record(NOTHING)
    store.labels.ensure(["flag"])
    store.labels.rename("flag", "banner")
    assert store.verdicts.list()[0].labels == ("banner", "wedge")
    assert store.annotations.reviewed("EURUSD", "1h") == [
        ReviewedRange(40, 50, frozenset({"banner", "wedge"}))
    ]


def test_of_two_who_found_nothing_missing_one_may_take_it_back(store: Store) -> None:
    verdicts = [store.verdicts.record(replace(NOTHING, client_id=name))[0] for name in ("ann", "ben")]
    store.verdicts.retract(verdicts[0].id)
    assert store.annotations.reviewed("EURUSD", "1h") == [NOTHING_SEEN]
    store.verdicts.retract(verdicts[1].id)
    assert (store.verdicts.list(), store.annotations.reviewed("EURUSD", "1h")) == ([], [])


@pytest.mark.parametrize("feedback", [SKIP, ADD, NOTHING])
def test_what_made_no_annotation_or_an_own_one_is_undone(store: Store, feedback: Feedback) -> None:
    verdict, _ = store.verdicts.record(feedback)
    for _ in range(2):
        store.verdicts.retract(verdict.id, "ann")
    assert store.verdicts.list(with_skips=True) == []
    assert (store.annotations.list("EURUSD", "1h"), store.annotations.reviewed("EURUSD", "1h")) == ([], [])
    assert store.verdicts.record(feedback) == (verdict, False)
    assert store.verdicts.list(with_skips=True) == []


def test_the_same_client_id_with_another_as_of_is_refused(store: Store) -> None:
    store.verdicts.record(replace(CONFIRM, as_of=30))
    with pytest.raises(Conflict, match="stored with other content"):
        store.verdicts.record(replace(CONFIRM, as_of=31))


def test_verdicts_are_listed_newest_first(store: Store) -> None:
    for n, pair in enumerate(["EURUSD", "GBPUSD", "EURUSD"]):
        store.verdicts.record(replace(CONFIRM, client_id=f"c{n}", pair=pair))
    assert [one.client_id for one in store.verdicts.list()] == ["c2", "c1", "c0"]
    assert [one.client_id for one in store.verdicts.list("EURUSD", "1h", limit=1)] == ["c2"]
    assert store.verdicts.list("EURUSD", "1d") == []


def test_an_unknown_verdict_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match=r"No verdict nope: .*Take the id from the answer that recorded it"):
        store.verdicts.retract("nope")
    with pytest.raises(NotFound, match="No verdict nope"):
        store.verdicts.annotation_of("nope")


def _start(url: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", RECORD, url, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_with_the_same_client_ids_get_the_same_answers(store: Store, url: str) -> None:
    racers = [_start(url, 40) for _ in range(3)]
    answers = [[line.split() for line in racer.communicate(timeout=60)[0].splitlines()] for racer in racers]
    assert [[verdict_id for verdict_id, _ in answer] for answer in answers] == [
        [verdict_id for verdict_id, _ in answers[0]]
    ] * 3
    assert sum(int(created) for answer in answers for _, created in answer) == 40
    assert len(store.annotations.list("EURUSD", "1h")) == len(store.verdicts.list()) == 40


def test_a_process_killed_while_writing_loses_nothing_acknowledged(store: Store, url: str) -> None:
    writer = _start(url, 100_000)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(60)]
    writer.kill()
    lines += writer.stdout.read().splitlines()  # communicate() would pass by what is buffered
    writer.wait(60)
    writer.stdout.close()
    acknowledged = {line.split()[0] for line in lines if len(line.split()) == 2}
    kept = store.verdicts.list()
    annotations = {one.id for one in store.annotations.list("EURUSD", "1h")}
    ranges = store.annotations.reviewed("EURUSD", "1h")
    assert acknowledged <= {verdict.id for verdict in kept}
    assert len(kept) - len(acknowledged) <= 1
    assert {verdict.annotation_id for verdict in kept} == annotations
    assert len(ranges) == len(kept)


def test_a_list_asked_for_again_knows_what_was_said_retracted_and_renamed_since(store: Store) -> None:
    first, _ = store.verdicts.record(CONFIRM)
    assert [v.id for v in store.verdicts.list()] == [first.id]
    store.verdicts.list().clear()
    second, _ = store.verdicts.record(replace(CONFIRM, client_id="c2", annotator="bob"))
    assert [v.id for v in store.verdicts.list()] == [second.id, first.id]
    store.verdicts.retract(first.id)
    assert [v.id for v in store.verdicts.list()] == [second.id]
    store.series.rename("EURUSD", "1h", "CABLE")
    assert [v.pair for v in store.verdicts.list()] == ["CABLE"]
    store.labels.ensure(["flag"])
    store.labels.rename("flag", "banner")
    assert [v.label for v in store.verdicts.list()] == ["banner"]
