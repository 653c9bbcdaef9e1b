"""Means, bands, and the labels needed."""

import json

import numpy as np
import pytest

from mllib.simulating import Needed, Round, compare, draw, labels_needed


def rounds(*f1: float) -> list[Round]:
    return [Round(10 * (i + 1), 100 * (i + 1), 5 * (i + 1), value) for i, value in enumerate(f1)]


def test_labels_needed_are_read_off_between_rounds() -> None:
    spent = np.array([10, 20, 30])
    assert labels_needed(spent, np.array([0.2, 0.4, 0.6]), 0.5) == pytest.approx(25)
    assert labels_needed(spent, np.array([0.2, 0.4, 0.6]), 0.1) == pytest.approx(5)
    assert labels_needed(spent, np.array([0.2, 0.4, 0.6]), 0.7) == np.inf


def test_a_lucky_round_is_not_yet_the_goal() -> None:
    lucky = labels_needed(np.array([10, 20, 30]), np.array([0.5, 0.1, 0.5]), 0.5)
    assert lucky > 20


def test_a_strategy_that_needs_half_the_labels_is_said_to() -> None:
    slow, fast = rounds(0.1, 0.2, 0.3, 0.4), rounds(0.2, 0.4, 0.4, 0.4)
    found = compare({"random": [slow, slow], "queue": [fast, fast]}, [0.4, 0.4])
    assert found.target == pytest.approx(0.38)
    assert found.needed["random"].labels == pytest.approx(38)
    assert found.against_random["queue"].labels == pytest.approx(0.5)
    assert found.against_random["random"].labels == pytest.approx(1)
    assert found.curves["queue"][1] == {
        "spent": 20, "bars_looked": 200.0, "spans_told": 10.0,
        "span_f1": pytest.approx(0.4), "low": pytest.approx(0.4), "high": pytest.approx(0.4),
    }  # fmt: skip


def test_what_is_never_reached_is_none() -> None:
    low = [rounds(0.1, 0.1), rounds(0.1, 0.2)]
    found = compare({"random": low, "queue": low}, [0.9, 0.9])
    assert found.needed["queue"].labels is None
    assert found.against_random["queue"].labels is None


def test_where_all_labels_teach_nothing_no_number_of_them_is_enough() -> None:
    nothing, some = rounds(0.0, 0.0), rounds(0.0, 0.1)
    found = compare({"random": [nothing, nothing], "queue": [some, some]}, [0.0, 0.0])
    assert found.needed["queue"] == found.against_random["random"] == Needed(None, None, None)
    by_chance = compare({"random": [nothing, some], "queue": [some, some]}, [0.0, 0.4])
    for one in (found, by_chance):
        json.dumps(one.to_dict(), allow_nan=False)
        draw(one, "nothing")


def test_where_chance_never_reaches_it_the_share_is_of_all_that_chance_spent() -> None:
    slow, fast = rounds(0.1, 0.1, 0.1, 0.1), rounds(0.2, 0.4, 0.4, 0.4)
    found = compare({"random": [slow, slow], "queue": [fast, fast]}, [0.4, 0.4])
    assert found.needed["random"].labels is None
    assert found.against_random["queue"].labels == pytest.approx(19 / 40)


def test_intervals_span_the_seeds() -> None:
    found = compare({"random": [rounds(0.1), rounds(0.3)]}, [0.4, 0.4])
    (point,) = found.curves["random"]
    assert (point["low"], point["span_f1"], point["high"]) == pytest.approx((0.1, 0.2, 0.3))


def test_rounds_that_one_seed_lacks_are_not_compared() -> None:
    found = compare({"random": [rounds(0.1, 0.2, 0.3), rounds(0.1, 0.2)]}, [0.2, 0.2])
    assert len(found.curves["random"]) == 2


def test_the_picture_has_a_line_and_a_band_a_strategy() -> None:
    some = [rounds(0.1, 0.2, 0.3), rounds(0.2, 0.2, 0.4)]
    picture = draw(compare({"random": some, "queue": some}, [0.4, 0.4]), "EURUSD & more")
    assert picture.count("<polygon") == 2
    assert picture.count("queue") == 4
    assert "EURUSD &amp; more" in picture
    assert "95 % of all labels" in picture
