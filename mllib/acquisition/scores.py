"""How much a person's word on each candidate is worth, from probabilities alone.

A row of probabilities `P float64 (n, k + 1)` says of a candidate: no pattern, then each of the k labels; it
adds up to one (`mllib.acquisition.candidates.distribution`). A score grows with what there is to learn.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_EXAMPLES = 5
_TINY = 1e-9
"""Keeps a row that speaks of other outcomes alone from adding up to nothing."""


def uncertainty(P: Floats, *, method: Literal["margin", "entropy"] = "margin") -> Floats:
    """How unsure a model is of each candidate: `float64 (n,)` in [0, 1].

    `margin`: one less the distance between the two most probable outcomes. `entropy`: that of all outcomes,
    as a share of the largest that there can be.

    Source: scikit-activeml's `uncertainty_scores`; Settles, Active learning literature survey, 2009.

    >>> uncertainty(np.array([[0.5, 0.5], [0.9, 0.1]])).round(2)
    array([1. , 0.2])
    """
    if not len(P):
        return np.zeros(0)
    from skactiveml.pool import uncertainty_scores

    named = {"margin": "margin_sampling", "entropy": "entropy"}[method]
    scores: Floats = np.asarray(uncertainty_scores(P, method=named), np.float64)
    return scores / np.log(P.shape[1]) if method == "entropy" else scores


def committee(members: Sequence[Floats], *, method: Literal["kl", "vote_entropy"] = "kl") -> Floats:
    """How much the models of a committee differ on each candidate: `float64 (n,)` in [0, 1].

    `kl`: the mean Kullback-Leibler divergence from their common opinion, as a share of the largest that so
    many members can have. `vote_entropy`: that of what each holds most probable, likewise.

    Source: scikit-activeml's `average_kl_divergence` and `vote_entropy`; McCallum and Nigam, 1998; Engelson
    and Dagan, 1996.

    >>> sure, denies = np.array([[0.1, 0.9]]), np.array([[0.9, 0.1]])
    >>> committee([sure, denies]).round(2), committee([sure, sure]).round(2)
    (array([0.53]), array([0.]))
    """
    if len(members) < 2:
        raise ValueError(f"found {len(members)} members, expected at least two that can differ")
    if not len(members[0]):
        return np.zeros(0)
    from skactiveml.pool import average_kl_divergence, vote_entropy

    most = np.log(min(len(members), members[0].shape[1]))
    if method == "vote_entropy":
        votes = np.stack([member.argmax(axis=1) for member in members], axis=1)
        scores = vote_entropy(votes, np.arange(members[0].shape[1]))
    else:
        scores = average_kl_divergence(np.stack(members))  # a copy: it is clipped in place
    shares: Floats = np.clip(np.asarray(scores, np.float64) / most, 0.0, 1.0)
    return shares


def label_error(given: NDArray[np.int64], P: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """How little a model that was held out believes each given label, and which it holds for wrong.

    `given (n,)` are columns of `P`, 0 where a person said that nothing is there. The first is one less the
    probability of the given label, `float64 (n,)`; the second is confident learning's verdict, `bool (n,)`,
    which allows for labels of which models are never sure. It needs some examples to know that: labels that
    were given fewer than `LEAST_EXAMPLES` times take no part in it, and one outcome alone has no verdict.

    Source: cleanlab's `find_label_issues`; Northcutt et al., Confident learning, 2021.
    """
    n = len(given)
    doubts = 1.0 - P[np.arange(n), given]
    wrong = np.zeros(n, bool)
    outcomes = np.flatnonzero(np.bincount(given, minlength=P.shape[1]) >= LEAST_EXAMPLES)
    if len(outcomes) > 1:
        from cleanlab.filter import find_label_issues

        known = np.flatnonzero(np.isin(given, outcomes))
        rows = P[np.ix_(known, outcomes)] + _TINY
        issues = find_label_issues(
            np.searchsorted(outcomes, given[known]),
            rows / rows.sum(axis=1, keepdims=True),
            return_indices_ranked_by="self_confidence",
            n_jobs=1,
        )
        wrong[known[issues]] = True
    return doubts, wrong
