"""People who are harmed are found, and nobody is where nobody is."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from fairlearn_fwh.metrics import find_harmed_subgroup
from fairlearn_fwh.metrics._subgroup_scan import Slices


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


def test_harmed_people_are_found_among_all_slices():
    X, y, own, pooled, sex = people(0, effect=0.9, n=6000)
    found = find_harmed_subgroup(
        X, y, own, y_pred_pooled=pooled, sensitive_features={"sex": sex}, random_state=0
    )
    worst = found.iloc[0]
    assert worst["subgroup"] == "age < 42 and region = north"
    assert worst["p_adjusted"] == 1 / 1000
    assert worst["harmed"]
    mine = (X["age"] < 42) & (X["region"] == "north")
    assert worst["n"] == mine.sum()
    assert worst["gain"] == pytest.approx(((pooled != y).astype(int) - (own != y))[mine].mean())
    assert worst["negative_flip_rate"] == pytest.approx(((own != y) & (pooled == y))[mine].mean())
    assert (found["p_adjusted"] >= found["p_value"] - 1 / 1000).all()
    assert len(found) <= 5


def test_people_in_several_slices_are_listed_once():
    X, y, own, pooled, _ = people(0, effect=0.9, n=6000)
    copies = X.assign(age_in_months=12 * X["age"])
    found = find_harmed_subgroup(copies, y, own, y_pred_pooled=pooled, random_state=0)
    assert found["harmed"].sum() == 1


def test_harmed_people_are_found_and_described_by_trees():
    X, y, own, pooled, sex = people(0, effect=0.9, n=6000)
    found = find_harmed_subgroup(
        X, y, own, y_pred_pooled=pooled, sensitive_features={"sex": sex}, random_state=0, method="tree"
    )
    assert found["harmed"].all()
    for words in found["subgroup"]:
        assert "age < 3" in words
        assert "region = north" in words
    assert (found["gain"] < -0.5).all()
    assert (found["negative_flip_rate"] - found["positive_flip_rate"]).to_numpy() == pytest.approx(
        -found["gain"].to_numpy()
    )


@pytest.mark.long(but_every=2)
@pytest.mark.simulation
@pytest.mark.parametrize("method", ["scan", "tree"])
def test_false_findings_are_as_rare_as_promised(method):
    found, runs = 0, 60
    for seed in range(runs):
        X, y, own, pooled, _ = people(seed, n=800)
        arguments = {"y_pred_pooled": pooled, "random_state": seed, "method": method}
        found += find_harmed_subgroup(X, y, own, **arguments)["harmed"].any()
    assert stats.binomtest(int(found), runs, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.long
@pytest.mark.simulation
def test_a_fifth_who_lose_ten_points_are_found_more_often_by_the_scan():
    """`python -m benchmarks.subgroups` has more cases and draws."""
    rng, found = np.random.default_rng(0), {"scan": 0, "tree": 0}
    for seed in range(30):
        X = rng.random((2000, 8))
        y, pooled = np.ones(2000, dtype=int), (rng.random(2000) < 0.85).astype(int)
        loses = (X[:, 0] < 0.2) & (rng.random(2000) < 0.12) & (pooled == 1)
        # Others gain and lose alike.
        differs = rng.random(2000) < 0.1
        own = np.where(loses, 0, np.where(differs, rng.integers(0, 2, 2000), pooled))
        pooled = np.where(differs & ~loses, rng.integers(0, 2, 2000), pooled)
        for method in found:
            table = find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, random_state=seed, method=method)
            found[method] += table["harmed"].any()
    assert found["scan"] > found["tree"]


def test_ranges_are_cut_by_the_features_alone():
    X, y, own, pooled, _ = people(0)
    a, b = (Slices.of({"age": X["age"], "income": X["income"]}, len(y)) for _ in range(2))
    assert a.words == b.words
    assert "income is missing" in a.words
    assert [word for word in a.words if word.startswith("age <")] == [
        "age < 30",
        "age < 43",
        "age < 56",
        "age < 68",
    ]
    assert Slices.of({"two": pd.Series([0, 1] * 10)}, 20).words == ["everybody", "two < 1", "two >= 1"]
    assert Slices.of({"none": pd.Series([np.nan] * 3)}, 3).words == ["everybody", "none is missing"]
    assert Slices.of({"one": pd.Series([1.5] * 3)}, 3).words == ["everybody"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_weight": np.ones(3000)}, "method='scan' does not take sample_weight; use method='tree'"),
        ({"loss": "brier"}, "method='scan' does not take loss='brier', which has other values than 0 and 1"),
        ({"min_samples_leaf": 4000}, "There are 3000 rows; a slice of min_samples_leaf=4000 needs more"),
    ],
)
def test_where_the_scan_does_not_apply_it_is_refused(arguments, message):
    X, y, own, pooled, _ = people(0)
    if "loss" in arguments:
        own, pooled = own * 0.5, pooled * 0.5
    with pytest.raises(ValueError, match=message):
        find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, method="scan", **arguments)


def test_a_sensitive_feature_may_tell_who_is_harmed():
    X, y, own, pooled, sex = people(1)
    own = np.where((sex == "f") & (np.random.default_rng(1).random(len(y)) < 0.5), 1 - y, own)
    found = find_harmed_subgroup(
        X, y, own, y_pred_pooled=pooled, sensitive_features={"sex": sex}, random_state=0
    )
    assert found["harmed"].iloc[0]
    assert found["subgroup"].iloc[0].startswith("sex = f")


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
    assert found["subgroup"].iloc[0].startswith("age < 3")


def test_where_everybody_gains_nobody_is_tested():
    X, y, own, _, _ = people(2)
    assert find_harmed_subgroup(X, y, y, y_pred_pooled=1 - y, random_state=0).empty
    found = find_harmed_subgroup(X, y, y, y_pred_pooled=1 - y, random_state=0, method="tree")
    assert (found["subgroup"] == "nobody is expected to be harmed").all()
    assert found["n"].eq(0).all()
    assert found["p_value"].isna().all()
    assert not found["harmed"].any()


def test_equal_harm_of_all_is_everybodys():
    X, y, own, pooled, _ = people(3)
    own = np.where(np.random.default_rng(3).random(len(y)) < 0.6, 1 - y, y)
    arguments = {"y_pred_pooled": y, "random_state": 0}
    assert (
        find_harmed_subgroup(X[["income"]].fillna(0), y, own, **arguments)["subgroup"].tolist()[0]
        == "everybody"
    )
    found = find_harmed_subgroup(X[["income"]].fillna(0), y, own, **arguments, method="tree")
    assert (found["subgroup"] == "everybody").any()


def test_two_conditions_on_one_number_are_one_range():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"p": rng.random(8000)})
    y = np.ones(8000, dtype=int)
    own = ((X["p"] < 0.4) | (X["p"] > 0.5)).to_numpy().astype(int)
    found = find_harmed_subgroup(X, y, own, y_pred_pooled=y, random_state=0, method="tree")
    assert found["subgroup"].str.fullmatch(r"0\.[34]\d* < p <= 0\.[45]\d*").all()


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
        ({"method": "forest"}, "method must be 'scan' or 'tree'; got 'forest'"),
        ({"n_splits": 1}, "n_splits must be an integer of at least 2; got 1"),
        (
            {"min_samples_leaf": 2000, "method": "tree"},
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


@pytest.mark.long
@pytest.mark.slow
def test_on_adult(real_data):
    from sklearn.linear_model import LogisticRegression

    from fairlearn_fwh.datasets import default_preprocessor, fetch_adult

    bunch = fetch_adult(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    y = bunch.target.to_numpy()
    pooled = LogisticRegression(max_iter=2000).fit(X[::2], y[::2]).predict(X[1::2])
    test = bunch.data.iloc[1::2]
    own = np.where(test["age"] < 30, 0, pooled)  # nobody under 30 is believed to earn much
    for method in ("scan", "tree"):
        found = find_harmed_subgroup(test, y[1::2], own, y_pred_pooled=pooled, random_state=0, method=method)
        assert found["harmed"].any()
        assert found["subgroup"].str.contains("age <|Never-married").any()
