"""People who appear several times, in what chooses: no unit is divided, and tests count units."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from fairlearn_fwh.decoupling import DecoupledClassifier, PreferenceTreeClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.postprocessing import NoHarmSelector


def copies(n, times, seed, *, opposite=True):
    """People, each `times` over; with `opposite` the two groups have opposite rules, else the same."""
    rng = np.random.default_rng(seed)
    X, group = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    sign = np.where(opposite & (group == 1), -1, 1)
    y = (sign * X[:, 0] + 0.5 * rng.standard_normal(n) > 0).astype(int)
    rows = np.repeat(np.arange(n), times)
    return X[rows], y[rows], group[rows], rows


def fit(model, X, y, group, units):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return model.fit(X, y, sensitive_features=group, units=units)


@pytest.mark.parametrize("settings", [{"cross_fit": None}, {"cross_fit": 3}])
def test_the_selector_counts_units_and_divides_none(settings):
    X, y, group, units = copies(400, 5, 0)
    model = fit(NoHarmSelector(random_state=0, **settings), X, y, group, units)
    n_units = 400 if settings["cross_fit"] else 100
    assert model.preference_frame_.n_units == pytest.approx(n_units, abs=2)
    assert model.selection_table_["n"].sum() == 5 * model.preference_frame_.n_units
    assert model.selection_table_["choice"].tolist() == ["own", "own"]


@pytest.mark.long
@pytest.mark.simulation
def test_copies_of_people_are_no_evidence_for_a_classifier():
    """Trees are fitted to noise: copies on both sides of a split, or counted one by one, make them look good."""
    kept = {True: 0, False: 0}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, y, group = rng.standard_normal((80, 3)), rng.integers(0, 2, 80), rng.integers(0, 2, 80)
        rows = np.repeat(np.arange(80), 10)
        ensemble = DecoupledClassifier(
            DecisionTreeClassifier(random_state=0), pooled_estimator=LogisticRegression(), min_group_size=5
        )
        for with_units in kept:
            model = fit(
                NoHarmSelector(ensemble, random_state=0),
                X[rows],
                y[rows],
                group[rows],
                rows if with_units else None,
            )
            kept[with_units] += (model.selection_table_["choice"] == "own").sum()
    assert kept[True] <= 2  # one in twenty fits, by chance
    assert kept[False] == 24


def test_the_tree_counts_the_first_row_of_each_unit():
    X, y, group, units = copies(600, 6, 1)
    model = fit(PreferenceTreeClassifier(random_state=0), X, y, pd.DataFrame({"g": group}), units)
    once = fit(
        PreferenceTreeClassifier(random_state=0), X[::6], y[::6], pd.DataFrame({"g": group[::6]}), None
    )
    assert model.pruning_table_["n"].sum() == 6 * once.pruning_table_["n"].sum()
    assert (model.pruning_table_["lower_bound"] < model.pruning_table_["gain"]).all()
    assert model.groups_ == once.groups_


def test_what_has_no_test_of_units_says_so():
    X, y, group, units = copies(200, 2, 2)
    with pytest.raises(ValueError, match="'roc_auc' with guarantee='certified' does not take units"):
        NoHarmSelector(scoring="roc_auc").fit(X, y, sensitive_features=group, units=units)
    fit(NoHarmSelector(scoring="roc_auc", guarantee="empirical", random_state=0), X, y, group, units)
    for wrong, message in (
        (units[:5], "units has 5 rows"),
        (np.where(units, units, np.nan), "units has missing values"),
    ):
        with pytest.raises(ValueError, match=message):
            NoHarmSelector().fit(X, y, sensitive_features=group, units=wrong)
