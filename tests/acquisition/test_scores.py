import numpy as np
import pytest

from mllib.acquisition import committee, label_error, uncertainty

TORN = [0.5, 0.5, 0.0]
LEANING = [0.3, 0.7, 0.0]
SURE = [0.02, 0.97, 0.01]
OPEN = [1 / 3, 1 / 3, 1 / 3]


def test_the_less_sure_a_model_is_the_higher_the_margin_score() -> None:
    assert uncertainty(np.array([TORN, LEANING, SURE])).round(6).tolist() == [1.0, 0.6, 0.05]


def test_entropy_is_highest_where_all_outcomes_are_as_probable() -> None:
    found = uncertainty(np.array([OPEN, TORN, SURE]), method="entropy")
    assert found[0] == pytest.approx(1.0)
    assert list(found) == sorted(found, reverse=True)


def test_a_committee_that_agrees_scores_nothing() -> None:
    P = np.array([TORN, SURE])
    for method in ("kl", "vote_entropy"):
        assert committee([P, P.copy()], method=method) == pytest.approx([0.0, 0.0])  # type: ignore[arg-type]


def test_a_committee_scores_by_how_far_its_members_are_apart() -> None:
    mine = np.array([SURE, SURE, [1.0, 0.0, 0.0]])
    other = np.array([SURE, LEANING, [0.0, 1.0, 0.0]])
    agree, near, opposite = committee([mine, other])
    assert agree == pytest.approx(0.0, abs=1e-9)
    assert 0 < near < opposite
    assert opposite == pytest.approx(1.0, abs=1e-3)
    assert committee([mine, other], method="vote_entropy") == pytest.approx([0.0, 0.0, 1.0])


def test_a_committee_leaves_what_it_is_given_as_it_was() -> None:
    mine, other = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    committee([mine, other])
    assert mine.tolist() == [[1.0, 0.0]]


def test_one_model_is_no_committee() -> None:
    with pytest.raises(ValueError, match="found 1 members, expected at least two"):
        committee([np.array([TORN])])


def test_nothing_has_no_scores() -> None:
    nothing = np.zeros((0, 3))
    assert len(uncertainty(nothing)) == len(committee([nothing, nothing])) == 0
    assert [len(part) for part in label_error(np.zeros(0, np.int64), nothing)] == [0, 0]


def test_a_planted_label_error_is_found_and_doubted_most() -> None:
    rng = np.random.default_rng(1)
    given = rng.integers(0, 3, 120)
    P = np.full((120, 3), 0.08)
    P[np.arange(120), given] = 0.84
    wrong = [7, 50, 99]
    for i in wrong:
        P[i] = np.roll(P[i], 1)
    doubts, found = label_error(given, P)
    assert np.flatnonzero(found).tolist() == wrong
    assert sorted(np.argsort(-doubts)[:3].tolist()) == wrong
    assert doubts[0] == pytest.approx(0.16)


def test_a_label_that_was_hardly_ever_given_is_not_called_wrong() -> None:
    given = np.array([0] * 20 + [1] * 20 + [2] * 4)
    P = np.full((44, 3), 0.05)
    P[np.arange(44), np.where(given == 2, 1, given)] = 0.9
    P[5] = [0.05, 0.9, 0.05]
    _, wrong = label_error(given, P)
    assert np.flatnonzero(wrong).tolist() == [5]


def test_where_all_labels_are_one_none_is_called_wrong() -> None:
    doubts, found = label_error(np.ones(5, np.int64), np.tile(SURE, (5, 1)))
    assert not found.any()
    assert doubts == pytest.approx(np.full(5, 0.03))
