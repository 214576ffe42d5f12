"""Gains in the area under the ROC curve: equal to scikit-learn's, tested with people and with units, nothing claimed of one class."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fairlearn_fwh.metrics import RankingFrame
from fairlearn_fwh.metrics._inference._delong import compare_auc


def people(rng, n=600, worse=()):
    y, g = rng.integers(0, 2, n), rng.choice(["a", "b", "c"], n)
    base = y + rng.standard_normal(n)
    old, noisy = (base + 0.2 * rng.standard_normal(n) for _ in range(2))
    new = np.where(np.isin(g, worse), rng.standard_normal(n), noisy)
    return {"y_true": y, "score": new, "score_pooled": old, "sensitive_features": g}


def test_points_are_those_of_scikit_learn(rng):
    sample = people(rng)
    sample["score"] = np.round(sample["score"], 1)  # with ties
    frame = RankingFrame(**sample)
    y, g = sample["y_true"], sample["sensitive_features"]
    for name in frame.by_group.index:
        mine = g == name
        row = frame.by_group.loc[name]
        assert row["auc"] == pytest.approx(roc_auc_score(y[mine], sample["score"][mine]))
        assert row["pooled_auc"] == pytest.approx(roc_auc_score(y[mine], sample["score_pooled"][mine]))
        assert row["gain"] == pytest.approx(row["auc"] - row["pooled_auc"])
    assert frame.overall["auc"] == pytest.approx(roc_auc_score(y, sample["score"]))


def test_harm_is_found_in_the_group_that_is_ranked_worse(rng):
    frame = RankingFrame(**people(rng, worse=["b"]))
    assert frame.violations()["group"].tolist() == ["b"]
    assert frame.violations(margin=0.6).empty
    assert re.match(r"Ranks worse, with 95 % confidence: b \(-0\.\d+, \d+ people\)\.", frame.verdict())
    table = frame.certify(tolerance=0.05).set_index("group")
    assert table["certified"].to_dict() == {"a": True, "b": False, "c": True}
    assert (table["lower_bound"] <= table["gain"]).all()
    assert "No group loses more than 0.05 of AUC" in RankingFrame(**people(rng, n=3000)).verdict(
        tolerance=0.05
    )
    assert "remains possible for" in RankingFrame(**people(rng, n=60)).verdict(tolerance=0.001)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_units_of_one_row_are_people(seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(40) < 0.4
    positive[:4] = [True, True, False, False]
    own, other = np.round(rng.random((2, 40)), 1)
    alone, units = compare_auc(positive, own, other), compare_auc(positive, own, other, rng.permutation(40))
    assert (units.own, units.other, units.n_rarer) == (alone.own, alone.other, alone.n_rarer)
    assert units.variance == pytest.approx(alone.variance)


def test_rows_that_are_copies_tell_nothing_new(rng):
    sample = people(rng, n=200, worse=["b"])
    once = RankingFrame(**sample)
    copied = {name: np.repeat(values, 5) for name, values in sample.items()}
    five_times = RankingFrame(**copied, units=np.repeat(np.arange(200), 5))
    pd.testing.assert_series_equal(once.by_group["gain"], five_times.by_group["gain"])
    wide, narrow = five_times.gain_intervals(), RankingFrame(**copied).gain_intervals()
    for side in ("lower", "upper"):
        np.testing.assert_allclose(wide[side], once.gain_intervals()[side], rtol=1e-9)
    assert ((wide["upper"] - wide["lower"]) > 2 * (narrow["upper"] - narrow["lower"])).all()
    assert five_times.by_group["n_units"].sum() == 200


def test_the_same_ranking_is_certified_only_where_there_are_enough_people(rng):
    def bound(n):
        y = np.tile([0, 1], n)
        score = np.arange(2 * n, dtype=float)
        return RankingFrame(y_true=y, score=score, score_pooled=2 * score).certify(tolerance=0.01).iloc[0]

    assert not bound(50)["certified"]
    assert bound(50)["lower_bound"] == pytest.approx(np.log(0.05) / 50)
    assert bound(400)["certified"]


def test_a_group_with_one_class_has_no_number_and_no_claim(rng):
    sample = people(rng)
    sample["y_true"] = np.where(sample["sensitive_features"] == "a", 0, sample["y_true"])
    frame = RankingFrame(**sample)
    assert np.isnan(frame.by_group.loc["a", "gain"])
    table = frame.certify(tolerance=0.5).set_index("group")
    assert (np.isnan(table.loc["a", "p_value"]), table.loc["a", "certified"]) == (True, False)
    assert table.loc[["b", "c"], "certified"].all()
    assert "a (one class, " in frame.verdict(tolerance=0.5)


def test_too_few_people_of_a_class_are_no_proof():
    y = [1, 0, 0, 0, 0, 0]
    frame = RankingFrame(y_true=y, score=[1, 2, 3, 4, 5, 6.0], score_pooled=[6, 1, 2, 3, 4, 5.0])
    assert frame.gain_intervals().iloc[0][["lower", "upper"]].tolist() == [-np.inf, np.inf]
    assert frame.violations().empty
    assert not frame.certify(0.9)["certified"].any()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"y_true": [1, 1, 1, 1]}, "y_true must have two classes to compare scores by; it has 1"),
        ({"y_true": ["ill", "well", "ill", "well"]}, "pos_label is needed: the positive class among"),
        ({"y_true": ["ill", "well", "ill", "well"], "pos_label": "sick"}, "pos_label='sick' does not occur"),
        ({"score": [0.5] * 4}, "score is 0.5 for everybody: it ranks nobody"),
        ({"score_pooled": ["a", "b", "c", "d"]}, "score_pooled must be numbers; it has values such as"),
        ({"score": [0.1, np.inf, 0.2, 0.3]}, "score must be finite; row 1 is inf"),
        ({"score": [0.1, 0.2, 0.3]}, "3"),
        ({"score": [0.1, None, 0.2, 0.3]}, "score"),
        (
            {"sensitive_features": ["a", "b", "a", "b"], "units": [1, 1, 2, 3]},
            "1 units have rows in several groups",
        ),
    ],
)
def test_bad_input_is_refused(change, sentence):
    sample = {"y_true": [1, 0, 1, 0], "score": [0.1, 0.2, 0.3, 0.4], "score_pooled": [0.1, 0.2, 0.3, 0.4]}
    with pytest.raises(ValueError, match=sentence):
        RankingFrame(**(sample | change))


def test_parameters_are_checked(rng):
    frame = RankingFrame(**people(rng))
    for call in (
        lambda: frame.certify(tolerance=1),
        lambda: frame.violations(margin=-0.1),
        lambda: frame.certify(alpha=0),
        lambda: frame.gain_intervals(2),
    ):
        with pytest.raises(ValueError, match=r"tolerance|margin|alpha"):
            call()


def test_rare_people_who_are_not_in_the_sample_are_no_proof():
    """Nearly all positives keep their place but for a little, one in fifty falls to the bottom: a loss of more than the tolerance."""
    rng = np.random.default_rng(0)
    wrong = {"certified": 0, "harmed": 0}
    for _ in range(60):
        y = np.repeat([1, 0], 50)
        old = 3 * y + rng.standard_normal(100)
        falls = (y == 1) & (rng.random(100) < 0.02)
        new = np.where(falls, -10.0, old + 0.05 * rng.standard_normal(100))
        frame = RankingFrame(y_true=y, score=new, score_pooled=old)
        wrong["certified"] += bool(frame.certify(tolerance=0.018)["certified"].iloc[0])
        wrong["harmed"] += (
            len(RankingFrame(y_true=y, score=old, score_pooled=new).violations(margin=0.021)) > 0
        )
    assert wrong["certified"] <= 0.05 * 60
    assert wrong["harmed"] <= 0.05 * 60
