"""Reviews as embeddings, and the methods that are compared on them beside the usual ones."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupShuffleSplit

from ..datasets import SentenceEmbedder, fetch_clothing_reviews
from ..datasets._files import cache_folder
from ..inprocessing import (
    AdversarialReweightingClassifier,
    GradientGraphClassifier,
    SelectiveExpertsClassifier,
)
from ..postprocessing import NoHarmSelector
from ._data import DataSpec, Split
from ._methods import Answers, Method, _ask, _quietly_fit, converged_model

#: Reviews that are compared on; embeddings are kept in the cache folder of downloads.
MOST_REVIEWS = 8000


def _split(bunch: Any, attribute: str, *, test_size: float, random_state: int) -> Split:
    """Split by article; embeddings are not trained, so that all rows may be embedded."""
    rows = np.random.default_rng(random_state).permutation(len(bunch.target))[:MOST_REVIEWS]
    cut = GroupShuffleSplit(1, test_size=test_size, random_state=random_state)
    train, test = (rows[part] for part in next(cut.split(rows, groups=bunch.units[rows])))
    embedder = SentenceEmbedder(cache_folder=cache_folder())
    X, X_test = (embedder.transform(bunch.data.iloc[part]).astype(float) for part in (train, test))
    y, groups = bunch.target.to_numpy(), bunch.sensitive_features[attribute]
    return Split(
        X=X,
        y=y[train],
        attribute=groups.iloc[train],
        X_test=X_test,
        y_test=y[test],
        attribute_test=groups.iloc[test],
        sensitive=bunch.sensitive_features.iloc[train],
        sensitive_test=bunch.sensitive_features.iloc[test],
        feature_names=[f"embedding {i}" for i in range(X.shape[1])],
        units=bunch.units[train],
    )


_split_of_reviews: Any = _split

#: Is an article recommended? By the reviewer's age.
REVIEWS = {
    "reviews": DataSpec(
        lambda home: fetch_clothing_reviews(data_home=home), "age_group", split=_split_of_reviews
    )
}


def _one_model(make: Any) -> Method:
    def run(split: Split, seed: int) -> Answers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Answers(make(seed).fit(split.X, split.y).predict(split.X_test))

    return run


def _of_groups(make: Any) -> Method:
    def run(split: Split, seed: int) -> Answers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = _quietly_fit(make(seed), split, sensitive_features=split.attribute)
        # Their pooled models are not the one that all methods are compared with: the selector's is fitted alike, the network is another.
        return replace(_ask(model, split, split.attribute_test), pooled_groups=())

    return run


def methods_on_reviews() -> dict[str, Method]:
    """Make what is compared on reviews beside the usual methods."""
    boosting = HistGradientBoostingClassifier(random_state=0)
    return {
        "boosting, certified": _of_groups(
            lambda seed: NoHarmSelector([("pooled", converged_model()), ("boosting", boosting)], tolerance=0.02, cross_fit=3, random_state=seed)
        ),
        "SelectiveExperts": _of_groups(lambda seed: SelectiveExpertsClassifier(max_epochs=30, random_state=seed)),
        "Graph of Gradients": _one_model(lambda seed: GradientGraphClassifier(max_epochs=30, random_state=seed)),
        "ARL": _one_model(lambda seed: AdversarialReweightingClassifier(max_epochs=30, random_state=seed)),
    }  # fmt: skip
