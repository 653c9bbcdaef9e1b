import pytest

from mllib.errors import CandleloopError, Conflict, InvalidAnnotations, NotFound
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange, Span
from mllib.store import LabelCount, LabelNames, Store, open_store
from tests.sql import rows_of


def _annotate(store: Store, *labels: str) -> None:
    spans = [Annotation(label, 60 * n, 60 * n, id=f"{label}-{n}") for n, label in enumerate(labels)]
    store.annotations.add("EURUSD", "1h", spans, reviewed=[ReviewedRange(0, 600, frozenset(labels))])
    store.labels.ensure(labels)


def _labels(store: Store, *, as_written: bool = False) -> list[str]:
    return [one.label for one in store.annotations.list("EURUSD", "1h", as_written=as_written)]


def test_unseen_labels_get_distinct_colours_and_free_keys(store: Store) -> None:
    made = store.labels.ensure(["flag", "bullish_engulfing", "bearish_engulfing", "flag", "O"])
    assert [(one.name, one.key) for one in made] == [
        ("flag", "1"),
        ("bullish_engulfing", "2"),
        ("bearish_engulfing", "3"),
    ]
    assert len({one.color for one in made}) == 3


def test_a_label_keeps_its_colour_and_key(store: Store) -> None:
    first = store.labels.ensure(["flag"])
    assert store.labels.ensure(["wedge", "flag"])[1:] == first


def test_the_tenth_label_has_no_key(store: Store) -> None:
    made = store.labels.ensure([f"label_{n}" for n in range(11)])
    assert [one.key for one in made] == [*"123456789", None, None]


def test_a_label_is_added_with_what_was_chosen_for_it(store: Store) -> None:
    store.labels.add("flag", color="#000000", key="f")
    assert [(one.name, one.color, one.key) for one in store.labels.list()] == [("flag", "#000000", "f")]
    with pytest.raises(Conflict, match="Label wedge cannot have the key f: found it at flag"):
        store.labels.add("wedge", key="f")
    with pytest.raises(Conflict, match="Label flag: found it in use already"):
        store.labels.add("flag")


def test_another_colour_is_remembered_with_the_one_before(store: Store) -> None:
    store.labels.add("flag", color="#000000")
    assert store.labels.recolor("flag", "#ffffff").color == store.labels.list()[0].color == "#ffffff"
    assert [(one.kind, one.value) for one in store.labels.changes()] == [("recolor", "#000000")]


def test_a_colour_that_another_process_gave_is_seen(store: Store, url: str) -> None:
    store.labels.ensure(["flag", "wedge"])
    assert store.labels.colors() == {one.name: one.color for one in store.labels.list()}
    with open_store(url) as other:
        other.labels.recolor("flag", "#123456")
    assert store.labels.colors()["flag"] == "#123456"


def test_what_was_written_follows_a_renamed_label(store: Store, url: str) -> None:
    judged = JudgedPrediction(label="flag")
    whole = Annotation(
        "O", 0, 60, id="x", model_prediction=judged, sub_spans=(Span("flag", 0, 0), Span("pole", 0, 0))
    )
    store.annotations.add("EURUSD", "1h", [whole])
    _annotate(store, "flag", "wedge")
    (old,) = store.labels.ensure(["flag"])
    made = store.labels.rename("flag", "bull_flag")
    assert (made.color, made.key) == (old.color, old.key)
    first, *others = store.annotations.list("EURUSD", "1h")
    assert sorted(one.label for one in (first, *others)) == ["O", "bull_flag", "wedge"]
    dismissal = next(one for one in (first, *others) if one.label == "O")
    assert dismissal.model_prediction == JudgedPrediction(label="bull_flag")
    assert dismissal.sub_spans == (Span("bull_flag", 0, 0), Span("pole", 0, 0))
    assert store.annotations.reviewed("EURUSD", "1h")[0].labels == {"bull_flag", "wedge"}
    assert {(c.label, c.count) for c in store.annotations.counts()} == {
        ("O", 1),
        ("bull_flag", 1),
        ("wedge", 1),
    }
    assert "flag" in _labels(store, as_written=True)
    written = rows_of(url, "SELECT label FROM annotation")
    assert sorted(written) == [("O",), ("flag",), ("wedge",)]


def test_merged_labels_are_one_through_chains(store: Store) -> None:
    _annotate(store, "flag", "bull-flag", "pennant")
    store.labels.rename("flag", "bull_flag")
    store.labels.merge("bull-flag", "bull_flag")
    assert _labels(store) == ["bull_flag", "bull_flag", "pennant"]
    store.labels.merge("bull_flag", "pennant")
    assert store.annotations.counts() == [LabelCount("EURUSD", "1h", "pennant", "human", 3)]
    assert [one.name for one in store.labels.list() if one.is_offered] == ["pennant"]
    assert store.labels.names().resolve("bull-flag") == "pennant"
    assert [(c.name, c.kind, c.value) for c in store.labels.changes()] == [
        ("flag", "rename", "bull_flag"),
        ("bull-flag", "merge", "bull_flag"),
        ("bull_flag", "merge", "pennant"),
    ]


def test_an_import_under_old_or_new_names_is_the_same(store: Store) -> None:
    _annotate(store, "flag")
    store.labels.rename("flag", "bull_flag")
    for as_written in (True, False):
        exported = store.annotations.list("EURUSD", "1h", as_written=as_written)
        assert store.annotations.add("EURUSD", "1h", exported).unchanged == 1


def test_a_restored_label_stands_for_itself_again(store: Store) -> None:
    _annotate(store, "flag", "wedge", "doji")
    store.labels.merge("flag", "wedge")
    store.labels.retire("doji")
    store.labels.retire("wedge")
    assert store.labels.names().retired == {"flag", "wedge", "doji"}
    assert _labels(store) == ["wedge", "wedge", "doji"]
    for name in ("flag", "doji"):
        assert store.labels.restore(name).is_offered
    assert store.labels.names() == LabelNames({}, frozenset({"wedge"}))
    assert _labels(store) == ["flag", "wedge", "doji"]
    store.labels.rename("flag", "bull_flag")
    store.labels.restore("flag")
    store.labels.merge("bull_flag", "flag")
    assert store.labels.names().resolve("bull_flag") == "flag"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda labels: labels.merge("wedge", "wedge"), Conflict, "found itself as the target"),
        (
            lambda labels: labels.merge("wedge", "flag"),
            Conflict,
            "cannot take in wedge: found that it became",
        ),
        (lambda labels: labels.merge("wedge", "doji"), Conflict, "cannot take in wedge: found it retired"),
        (lambda labels: labels.merge("doji", "wedge"), Conflict, "Label doji cannot be merged: found it ret"),
        (lambda labels: labels.rename("flag", "x"), Conflict, "cannot be renamed: found that it became bull"),
        (
            lambda labels: labels.rename("bull_flag", "flag"),
            Conflict,
            "was a label before and became bull_fl",
        ),
        (lambda labels: labels.rename("wedge", "bull_flag"), Conflict, "in use.*Merge wedge into bull_flag"),
        (lambda labels: labels.rename("wedge", "O"), InvalidAnnotations, "found no name for a pattern"),
        (lambda labels: labels.rename("wedge", " a"), InvalidAnnotations, "without blanks around it"),
        (lambda labels: labels.retire("doji"), Conflict, "cannot be retired: found it retired"),
        (lambda labels: labels.restore("wedge"), Conflict, "cannot be restored: found it in use"),
        (lambda labels: labels.recolor("none", "#000000"), NotFound, "expected one of .*bull_flag"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(
    store: Store, change, error: type[CandleloopError], message: str
) -> None:
    _annotate(store, "flag", "wedge", "doji")
    store.labels.rename("flag", "bull_flag")
    store.labels.retire("doji")
    before = store.labels.list(), store.labels.changes()
    with pytest.raises(error, match=message):
        change(store.labels)
    assert (store.labels.list(), store.labels.changes()) == before


def test_a_key_is_set_taken_away_and_never_shared(store: Store) -> None:
    store.labels.ensure(["flag", "wedge"])
    assert store.labels.set_key("flag", "f").key == "f"
    with pytest.raises(Conflict, match="found it at flag"):
        store.labels.set_key("wedge", "f")
    store.labels.set_key("flag", None)
    store.labels.set_key("wedge", "f")
    assert {one.name: one.key for one in store.labels.list()} == {"flag": None, "wedge": "f"}
    with pytest.raises(NotFound, match="no such label"):
        store.labels.set_key("pennant", "p")
    store.labels.retire("flag")
    with pytest.raises(Conflict, match="found it retired"):
        store.labels.set_key("flag", "g")
