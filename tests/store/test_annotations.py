from dataclasses import replace

import pytest

from mllib.errors import Conflict, NotFound
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange, Span
from mllib.store import AddOutcome, AnnotationFilter, Contradiction, LabelCount, Store
from tests.sql import rows_of

FULL = Annotation(
    label="flag",
    start_time=100,
    end_time=200,
    id="a1",
    source="model_corrected",
    annotator="ann",
    clarity=4,
    outcome="win",
    sub_spans=(Span("pole", 100, 150),),
    notes="clean",
    model_prediction=JudgedPrediction(label="pennant", confidence=0.81, model_version="3"),
    created_at=77,
    extra={"chartId": "c9", "tags": ["x"]},
)


def test_an_annotation_comes_back_as_it_was(store: Store) -> None:
    assert store.annotations.add("EURUSD", "1h", [FULL]) == AddOutcome(1, 0, ())
    assert store.annotations.list("EURUSD", "1h") == [FULL]


def test_the_same_import_twice_changes_nothing(store: Store) -> None:
    store.annotations.add("EURUSD", "1h", [FULL])
    later = replace(FULL, created_at=0)
    assert store.annotations.add("EURUSD", "1h", [later, later]) == AddOutcome(0, 2, ())
    assert store.annotations.list("EURUSD", "1h") == [FULL]


def test_other_content_under_a_known_id_is_reported_and_not_written(store: Store) -> None:
    store.annotations.add("EURUSD", "1h", [FULL])
    other = replace(FULL, end_time=300)
    new = replace(FULL, id="a2")
    assert store.annotations.add("EURUSD", "1h", [other, new]) == AddOutcome(
        1, 0, (Contradiction(FULL, other),)
    )
    assert store.annotations.list("EURUSD", "1h") == [FULL, new]


def test_ids_that_contradict_each_other_in_one_import_are_a_conflict(store: Store) -> None:
    outcome = store.annotations.add("EURUSD", "1h", [FULL, replace(FULL, label="wedge")])
    assert outcome == AddOutcome(1, 0, (Contradiction(FULL, replace(FULL, label="wedge")),))


def test_an_update_supersedes_what_is_stored_and_forgets_nothing(store: Store, url: str) -> None:
    store.annotations.add("EURUSD", "1h", [FULL])
    second, third = replace(FULL, end_time=300), replace(FULL, label="wedge")
    for changed in (second, third):
        assert store.annotations.add("EURUSD", "1h", [changed], update=True) == AddOutcome(0, 0, (), 1)
        assert store.annotations.list("EURUSD", "1h") == [changed]
    assert store.annotations.add("EURUSD", "1h", [third], update=True) == AddOutcome(0, 1)
    assert store.annotations.add("EURUSD", "1h", [FULL]).conflicts == (Contradiction(third, FULL),)
    rows = rows_of(url, "SELECT label, end_time FROM annotation ORDER BY label, end_time")
    assert rows == [("flag", 200), ("flag", 300), ("wedge", 200)]


def test_what_was_taken_back_stays_so_through_updates(store: Store) -> None:
    store.annotations.add("EURUSD", "1h", [FULL])
    store.annotations.add("EURUSD", "1h", [replace(FULL, end_time=300)], update=True)
    store.annotations.retract("a1")
    assert store.annotations.list("EURUSD", "1h") == []
    outcome = store.annotations.add("EURUSD", "1h", [FULL], update=True)
    assert [one.retracted for one in outcome.conflicts] == [True]
    assert store.annotations.list("EURUSD", "1h") == []


def test_the_same_id_in_another_series_is_another_annotation(store: Store) -> None:
    store.annotations.add("EURUSD", "1h", [FULL])
    assert store.annotations.add("EURUSD", "1d", [FULL]) == AddOutcome(1, 0, ())
    with pytest.raises(Conflict, match="a1: found it in EURUSD 1d and EURUSD 1h"):
        store.annotations.retract("a1")
    store.annotations.retract("a1", timeframe="1d")
    assert len(store.annotations.list("EURUSD", "1h")) == 1


def test_annotations_without_id_get_ours_and_a_reimport_of_them_is_unchanged(store: Store) -> None:
    plain = Annotation("flag", 5, 1, id="")
    store.annotations.add("EURUSD", "1h", [plain, replace(plain, label="wedge")])
    listed = store.annotations.list("EURUSD", "1h")
    assert len({one.id for one in listed} - {""}) == 2
    assert {(one.start_time, one.end_time) for one in listed} == {(1, 5)}
    assert store.annotations.add("EURUSD", "1h", listed) == AddOutcome(0, 2, ())


def test_a_list_is_by_start_time_and_of_the_sources_asked_for(store: Store) -> None:
    some = [Annotation("flag", start, 50, id=str(start)) for start in (30, 10, 20)]
    store.annotations.add("EURUSD", "1h", [*some, replace(FULL, start_time=15)])
    assert [one.start_time for one in store.annotations.list("EURUSD", "1h")] == [10, 15, 20, 30]
    corrected = store.annotations.list("EURUSD", "1h", sources={"model_corrected"})
    assert [one.id for one in corrected] == ["a1"]
    assert store.annotations.list("EURUSD", "1h", sources=()) == []
    assert store.annotations.list("NOWHERE", "1h") == []


def test_a_retracted_annotation_is_gone_for_good(store: Store) -> None:
    store.annotations.add("EURUSD", "1h", [FULL])
    store.annotations.retract("a1", annotator="ben", reason="wrong chart")
    store.annotations.retract("a1")
    assert store.annotations.list("EURUSD", "1h") == []
    assert store.annotations.add("EURUSD", "1h", [FULL]) == AddOutcome(0, 1, ())
    assert store.annotations.list("EURUSD", "1h") == []


def test_an_unknown_annotation_cannot_be_retracted(store: Store) -> None:
    with pytest.raises(NotFound, match="Annotation nope: found no annotation"):
        store.annotations.retract("nope")


def test_identical_reviewed_ranges_are_stored_once(store: Store) -> None:
    first = ReviewedRange(1, 9, frozenset({"flag", "wedge"}))
    other = ReviewedRange(1, 9, frozenset({"flag"}))
    store.annotations.add("EURUSD", "1h", [], reviewed=[first, first])
    store.annotations.add("EURUSD", "1h", [], reviewed=[other, first])
    assert store.annotations.reviewed("EURUSD", "1h") == [first, other]
    assert store.annotations.reviewed("EURUSD", "1d") == []


def test_counts_are_of_effective_annotations(store: Store) -> None:
    some = [Annotation("flag", n, n, id=str(n)) for n in range(3)]
    store.annotations.add("EURUSD", "1h", [*some, FULL])
    store.annotations.retract("0")
    assert store.annotations.counts() == [
        LabelCount("EURUSD", "1h", "flag", "human", 2),
        LabelCount("EURUSD", "1h", "flag", "model_corrected", 1),
    ]


def test_thousands_of_annotations_are_one_import(store: Store) -> None:
    many = [Annotation("flag", n, n + 1, id=f"id{n}") for n in range(3000)]
    assert store.annotations.add("EURUSD", "1h", many).added == 3000
    assert store.annotations.add("EURUSD", "1h", many).unchanged == 3000


def test_text_is_searched_in_notes_present_labels_and_annotators(store: Store) -> None:
    said = [
        Annotation("bull_flag", 60, 120, id="a", notes="steep 50% pole"),
        Annotation("wedge", 180, 240, id="b", annotator="Ada"),
        Annotation("odd", 300, 360, id="c"),
    ]
    store.annotations.add("EURUSD", "1h", said)
    store.labels.ensure(["bull_flag", "wedge", "odd"])
    store.labels.rename("odd", "pennant")

    def found(text: str) -> list[str]:
        page = store.annotations.page("EURUSD", "1h", AnnotationFilter(text=text), limit=9)
        return [one.id for one in page.annotations]

    assert found("STEEP") == ["a"]
    assert found("0% p") == ["a"]
    assert found("%") == ["a"]
    assert found("ada") == ["b"]
    assert found("penn") == ["c"]
    assert found("") == ["a", "b", "c"]
