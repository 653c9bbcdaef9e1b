"""How much each feature moves a score: exact TreeSHAP, by XGBoost, of one target column's trees.

XGBoost 3.2 does not compute contributions of trees with vector leaves. The same trees with that column's
component in each leaf are ordinary ones, and so are a forest's, so they are handed to XGBoost as such.
Source: Lundberg et al. (2018), Consistent Individualized Feature Attribution for Tree Ensembles, algorithm 2.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xgboost

_LEAF = -1
_NO_PARENT = 2**31 - 1
_LEAST_COVER = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class ScalarTree:
    """One tree with a number a leaf; arrays `(n_nodes,)`, children are -1 at leaves.

    A row goes left where its feature is below `threshold`, or is NaN and `nan_left`. `value` is read at
    leaves alone; `cover` is the weight of the training rows that came by.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    nan_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    cover: NDArray[np.float32]


def contributions(trees: Sequence[ScalarTree], X: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each feature adds to the sum of the trees for `X float32 (n, f)`: `float32 (n, f + 1)`.

    The last column is the mean over the training rows; a row adds up to what the trees say of it.
    """
    model = {
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {"model": _ensemble(trees, X.shape[1]), "name": "gbtree"},
            "learner_model_param": {
                "base_score": "[0E0]",
                "boost_from_average": "0",
                "num_class": "0",
                "num_feature": str(X.shape[1]),
                "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
        "version": [3, 2, 0],
    }
    import xgboost  # a forest is explained by it too, and is served without it

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(json.dumps(model), "ascii"))
    found: NDArray[np.float32] = booster.predict(xgboost.DMatrix(X), pred_contribs=True)
    return found


def vector_leaf_trees(booster: "xgboost.Booster", column: int) -> Iterator[ScalarTree]:
    """The trees of a booster with vector leaves, as one target column sees them."""
    saved = json.loads(bytes(booster.save_raw("json")))
    for tree in saved["learner"]["gradient_booster"]["model"]["trees"]:
        left = np.array(tree["left_children"], np.int64)
        right = np.array(tree["right_children"], np.int64)
        leaf = left == _LEAF
        width = int(tree["tree_param"]["size_leaf_vector"])
        value = np.zeros(len(left), np.float32)
        if width > 1:  # a leaf's right child is its row among the leaves' weights
            value[leaf] = np.array(tree["leaf_weights"], np.float32).reshape(-1, width)[right[leaf], column]
        else:
            value[leaf] = np.array(tree["split_conditions"], np.float32)[leaf]
        yield ScalarTree(
            left,
            np.where(leaf, _LEAF, right),
            np.array(tree["split_indices"], np.int64),
            np.array(tree["split_conditions"], np.float32),
            np.array(tree["default_left"], bool),
            value,
            np.array(tree["sum_hessian"], np.float32),
        )


def forest_trees(estimators: Sequence[Any], column: int) -> Iterator[ScalarTree]:
    """The trees of a scikit-learn forest, each with its share of the mean.

    scikit-learn goes left at or below a float64 threshold: that is below the next float32 above it.
    """
    for estimator in estimators:
        tree = estimator.tree_
        at_most = tree.threshold.astype(np.float32)
        at_most = np.where(at_most > tree.threshold, np.nextafter(at_most, np.float32(-np.inf)), at_most)
        yield ScalarTree(
            tree.children_left.astype(np.int64),
            tree.children_right.astype(np.int64),
            np.maximum(tree.feature, 0).astype(np.int64),
            np.nextafter(at_most, np.float32(np.inf)).astype(np.float32),
            tree.missing_go_to_left.astype(bool),
            (tree.value[:, column, 0] / len(estimators)).astype(np.float32),
            tree.weighted_n_node_samples.astype(np.float32),
        )


def _ensemble(trees: Sequence[ScalarTree], features: int) -> dict[str, Any]:
    count = len(trees)
    return {
        "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
        "iteration_indptr": list(range(count + 1)),
        "tree_info": [0] * count,
        "trees": [_as_json(i, tree, features) for i, tree in enumerate(trees)],
    }


def _as_json(number: int, tree: ScalarTree, features: int) -> dict[str, Any]:
    n, leaf = len(tree.left), tree.left == _LEAF
    parents = np.full(n, _NO_PARENT, np.int64)
    for child in (tree.left, tree.right):
        parents[child[~leaf]] = np.flatnonzero(~leaf)
    return {
        "base_weights": tree.value.tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": tree.nan_left.astype(int).tolist(),
        "id": number,
        "left_children": tree.left.tolist(),
        "loss_changes": [0.0] * n,
        "parents": parents.tolist(),
        "right_children": tree.right.tolist(),
        "split_conditions": np.where(leaf, tree.value, tree.threshold).astype(float).tolist(),
        "split_indices": tree.feature.tolist(),
        "split_type": [0] * n,
        "sum_hessian": np.maximum(tree.cover, _LEAST_COVER).astype(float).tolist(),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(n),
            "size_leaf_vector": "1",
        },
    }
