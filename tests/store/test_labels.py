import pytest

from mllib.errors import Conflict
from mllib.store import Store


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


def test_a_label_is_redefined(store: Store) -> None:
    store.labels.ensure(["flag"])
    store.labels.define("flag", "#000000", "f")
    assert [(one.name, one.color, one.key) for one in store.labels.list()] == [("flag", "#000000", "f")]


def test_a_key_belongs_to_one_label(store: Store) -> None:
    store.labels.define("flag", "#000000", "f")
    with pytest.raises(Conflict, match="Label wedge cannot have the key f: found it at another label"):
        store.labels.define("wedge", "#ffffff", "f")
    assert [one.name for one in store.labels.list()] == ["flag"]
