"""People who are harmed are found, and nobody is where nobody is."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from fairlearn_fwh.metrics import find_harmed_subgroup


def people(seed, effect=0.0, n=3000):
    """Noisy predictions, worse by `effect` for young people in the north."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "region": rng.choice(["north", "south", None], n),
        }
    )
    y = rng.integers(0, 2, n)
    own, pooled = (np.where(rng.random(n) < 0.2, 1 - y, y) for _ in range(2))
    harmed = (X["age"] < 35) & (X["region"] == "north") & (rng.random(n) < effect)
    return X, y, np.where(harmed, 1 - y, own), pooled, rng.choice(["f", "m"], n)


def test_harmed_people_are_found_and_described():
    X, y, own, pooled, sex = people(0, effect=0.9, n=6000)
    found = find_harmed_subgroup(
        X, y, own, y_pred_pooled=pooled, sensitive_features={"sex": sex}, random_state=0
    )
    assert found["harmed"].all()
    for words in found["subgroup"]:
        assert "age < 3" in words
        assert "region = north" in words
    assert (found["gain"] < -0.5).all()
    assert (found["negative_flip_rate"] - found["positive_flip_rate"]).to_numpy() == pytest.approx(
        -found["gain"].to_numpy()
    )


@pytest.mark.simulation
def test_false_findings_are_as_rare_as_promised():
    found = 0
    for seed in range(150):
        X, y, own, pooled, _ = people(seed, n=800)
        found += find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, random_state=seed)["harmed"].any()
    assert stats.binomtest(int(found), 150, 0.05, alternative="greater").pvalue > 0.01


def test_a_sensitive_feature_may_tell_who_is_harmed():
    X, y, own, pooled, sex = people(1)
    own = np.where((sex == "f") & (np.random.default_rng(1).random(len(y)) < 0.5), 1 - y, own)
    found = find_harmed_subgroup(
        X, y, own, y_pred_pooled=pooled, sensitive_features={"sex": sex}, random_state=0
    )
    assert found["harmed"].all()
    assert found["subgroup"].str.contains("sex = f|sex != m").all()


def test_numbers_among_sensitive_features_stay_numbers():
    X, y, own, pooled, sex = people(0, effect=0.9)
    found = find_harmed_subgroup(
        X[["income"]],
        y,
        own,
        y_pred_pooled=pooled,
        sensitive_features={"age": X["age"], "sex": sex},
        random_state=0,
    )
    assert found["subgroup"].str.contains("age < 3").all()


def test_where_everybody_gains_nobody_is_tested():
    X, y, own, _, _ = people(2)
    found = find_harmed_subgroup(X, y, y, y_pred_pooled=1 - y, random_state=0)
    assert (found["subgroup"] == "nobody is expected to be harmed").all()
    assert found["n"].eq(0).all()
    assert found["p_value"].isna().all()
    assert not found["harmed"].any()


def test_equal_harm_of_all_is_everybodys():
    X, y, own, pooled, _ = people(3)
    own = np.where(np.random.default_rng(3).random(len(y)) < 0.6, 1 - y, y)
    found = find_harmed_subgroup(X[["income"]].fillna(0), y, own, y_pred_pooled=y, random_state=0)
    assert (found["subgroup"] == "everybody").any()


@pytest.mark.parametrize(
    "make", [pl.DataFrame, lambda X: X.to_dict("list"), lambda X: X.to_numpy(dtype=float)]
)
def test_features_of_any_kind_and_weights(make):
    X, y, own, pooled, _ = people(4, effect=0.9)
    X = X[["age", "income"]].fillna(0)
    found = find_harmed_subgroup(
        make(X), y, own, y_pred_pooled=pooled, sample_weight=np.linspace(0.5, 1.5, len(y)), random_state=0
    )
    same = find_harmed_subgroup(
        make(X), y, own, y_pred_pooled=pooled, sample_weight=np.linspace(0.5, 1.5, len(y)), random_state=0
    )
    pd.testing.assert_frame_equal(found, same)
    assert found["harmed"].any()


def test_real_valued_losses(rng):
    y = rng.integers(0, 2, 1000)
    X = rng.normal(size=(1000, 2))
    pooled = np.full(1000, 0.5)
    own = np.where(X[:, 0] > 0.5, 0.9 - 0.8 * y, 0.5)
    found = find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, loss="brier", random_state=0)
    assert found["harmed"].all()
    assert found["subgroup"].str.startswith("x0 > 0.").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_depth": 0}, "max_depth must be an integer of at least 1; got 0"),
        ({"n_splits": 1}, "n_splits must be an integer of at least 2; got 1"),
        (
            {"min_samples_leaf": 2000},
            "There are 3000 rows; n_splits=2 parts of min_samples_leaf=2000 need more",
        ),
        ({"alpha": 2}, "alpha must be between 0 and 1"),
        ({"y_pred_pooled": [1]}, "y_pred_pooled has 1 rows, but y_true has 3000"),
        ({"X": np.zeros(3000)}, "X must have rows and columns"),
        ({"X": {"age": [1, 2]}}, "Feature 'age' has 2 rows, but y_true has 3000"),
    ],
)
def test_bad_input_is_named(change, message):
    X, y, own, pooled, _ = people(5)
    arguments = {"X": X, "y_true": y, "y_pred": own, "y_pred_pooled": pooled} | change
    with pytest.raises(ValueError, match=message):
        find_harmed_subgroup(**arguments)


def test_on_adult(real_data):
    from sklearn.linear_model import LogisticRegression

    from fairlearn_fwh.datasets import default_preprocessor, fetch_adult

    bunch = fetch_adult(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    y = bunch.target.to_numpy()
    pooled = LogisticRegression(max_iter=2000).fit(X[::2], y[::2]).predict(X[1::2])
    test = bunch.data.iloc[1::2]
    own = np.where(test["age"] < 30, 0, pooled)  # nobody under 30 is believed to earn much
    found = find_harmed_subgroup(test, y[1::2], own, y_pred_pooled=pooled, random_state=0)
    assert found["harmed"].all()
    assert found["subgroup"].str.contains("age < ").all()
