import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fairlearn.metrics import MetricFrame, make_derived_metric
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.exceptions import EnvySkippedWarning
from fairlearn_fwh.metrics import (
    PreferenceFrame,
    disagreement_rate,
    envy_gain,
    fairness_without_harm_rate,
    negative_flip_rate,
    pack_predictions,
    positive_flip_rate,
    rationality_gain,
    strict_preference_rate,
)

from .samples import random_sample

seeds = st.integers(0, 2**32 - 1)


def frame_of(sample, **more):
    y, pooled, by_group, groups = sample
    return PreferenceFrame(y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups, **more)


# --- definitions, by brute force ---------------------------------------------------------------------------------


@given(seeds, st.integers(1, 5), st.integers(2, 3), st.booleans())
@settings(max_examples=40)
def test_every_figure_has_its_definition(seed, n_groups, n_classes, weighted):
    y, pooled, by_group, groups = sample = random_sample(seed, 60, n_groups, n_classes)
    w = np.random.default_rng(seed).random(60) if weighted else np.ones(60)
    frame = frame_of(sample, sample_weight=w if weighted else None)
    own = by_group[np.arange(60), groups]
    errors, own_error, pooled_error = by_group != y[:, None], own != y, pooled != y
    for k in range(n_groups):
        mine, wk = groups == k, w[groups == k]
        risks = [np.average(errors[mine, j], weights=wk) for j in range(n_groups)]
        pooled_risk = np.average(pooled_error[mine], weights=wk)
        assert frame.risk_matrix.loc[k].to_numpy() == pytest.approx([*risks, pooled_risk])
        assert frame.envy_matrix.loc[k].to_numpy() == pytest.approx(np.array(risks) - risks[k], abs=1e-12)
        row = frame.by_group.loc[k]
        assert row["n"] == mine.sum()
        assert row["rationality_gain"] == pytest.approx(pooled_risk - risks[k], abs=1e-12)
        if n_groups > 1:
            gaps = {j: risks[j] - risks[k] for j in range(n_groups) if j != k}
            assert row["envy_gain"] == pytest.approx(min(gaps.values()), abs=1e-12)
            if row["most_envied"] is not None:
                assert gaps[row["most_envied"]] == pytest.approx(row["envy_gain"], abs=1e-12)
        for name, flags in {
            "fairness_without_harm_rate": own_error <= np.minimum(pooled_error, errors.min(axis=1)),
            "strict_preference_rate": ~own_error & (pooled_error | errors.any(axis=1)),
            "negative_flip_rate": own_error & ~pooled_error,
            "positive_flip_rate": ~own_error & pooled_error,
            "disagreement_rate": own != pooled,
        }.items():
            assert row[name] == pytest.approx(np.average(flags[mine], weights=wk), abs=1e-12)
            assert frame.overall[name] == pytest.approx(np.average(flags, weights=w), abs=1e-12)


@given(seeds, st.integers(1, 5), st.integers(2, 4))
@settings(max_examples=40)
def test_rate_is_accuracy_plus_the_share_for_whom_all_are_wrong(seed, n_groups, n_classes):
    y, pooled, by_group, _ = sample = random_sample(seed, 80, n_groups, n_classes)
    overall = frame_of(sample).overall
    all_wrong = ((by_group != y[:, None]).all(axis=1) & (pooled != y)).mean()
    assert overall["fairness_without_harm_rate"] == pytest.approx(overall["accuracy"] + all_wrong)


def test_copies_of_the_pooled_classifier_reach_100_per_cent_and_nothing_else():
    y, pooled, _, groups = random_sample()
    overall = frame_of((y, pooled, np.column_stack([pooled] * 3), groups)).overall
    assert overall["fairness_without_harm_rate"] == 1
    assert overall["n_violations"] == 0
    assert (
        overall[["rationality_gain", "max_gain", "min_gain", "disagreement_rate", "strict_preference_rate"]]
        .eq(0)
        .all()
    )


@given(seeds)
@settings(max_examples=20)
def test_renaming_and_reordering_groups_changes_nothing(seed):
    y, pooled, by_group, groups = sample = random_sample(seed, n=100)
    names = np.array(["zeta", "alpha", "mu"])
    renamed = PreferenceFrame(
        y_true=y,
        y_pred_pooled=pooled,
        y_pred_by_group={name: by_group[:, names.tolist().index(name)] for name in ("mu", "zeta", "alpha")},
        groups=names[groups],
    )
    frame = frame_of(sample)
    pd.testing.assert_series_equal(frame.overall, renamed.overall)
    assert renamed.envy_matrix.loc["zeta", "mu"] == pytest.approx(frame.envy_matrix.loc[0, 2])


def test_aggregates_count_groups_and_ordered_pairs():
    frame = frame_of(random_sample(7, n_groups=4))
    gains = frame.risk_matrix["pooled"] - np.diag(frame.risk_matrix.iloc[:, :-1])
    off = frame.envy_matrix.to_numpy()[~np.eye(4, dtype=bool)]
    assert frame.overall["n_violations"] == (gains < 0).sum() + (off < 0).sum() == len(frame.violations())
    assert frame.overall["max_gain"] == pytest.approx(gains.max())
    assert frame.overall["min_gain"] == pytest.approx(gains.min())
    assert frame.overall["envy_margin"] == frame.envy_margin() == pytest.approx(off.min())
    assert frame.envy_margin("max") == pytest.approx(max(off.max(), 0))
    with pytest.raises(ValueError, match="reduce must be 'min' or 'max'; got 'mean'"):
        frame.envy_margin("mean")


def test_disparity_change_is_over_audit_groups():
    y, pooled, by_group, groups = sample = random_sample(3)
    race = np.arange(len(y)) % 2
    frame = frame_of(sample, sensitive_features=race)
    own = by_group[np.arange(len(y)), groups]
    spread = [abs((p != y)[race == 0].mean() - (p != y)[race == 1].mean()) for p in (own, pooled)]
    assert frame.overall["disparity_change"] == pytest.approx(spread[0] - spread[1])
    assert frame.by_group.index.tolist() == [0, 1]
    assert frame.by_group[["envy_gain", "most_envied"]].isna().all(axis=None)
    assert frame.risk_matrix.shape == (3, 4)


def test_an_empty_group_is_nan_and_named():
    y, pooled, by_group, groups = random_sample()
    frame = frame_of((y, pooled, by_group, np.where(groups == 2, 0, groups)))
    assert frame.empty_groups == [2]
    assert frame.risk_matrix.loc[2].isna().all()
    assert frame.overall[["max_gain", "min_gain", "envy_margin", "n_violations"]].notna().all()
    assert not frame.certify(tolerance=0.5, claims="envy").query("group == 2")["certified"].any()


@pytest.mark.parametrize("loss", ["log", "brier", "squared", "absolute", lambda y, p: 3.0 * (y - p) ** 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_real_valued_losses(loss, weighted, rng):
    n = 200
    y, groups = rng.integers(0, 2, (2, n))
    by_group, pooled, w = rng.uniform(0.05, 0.95, (n, 2)), rng.uniform(0.05, 0.95, n), rng.random(n)
    sample, measured = (y, pooled, by_group, groups), {"loss": loss, "sample_weight": w if weighted else None}
    frame = frame_of(sample, **measured)
    w = w if weighted else np.ones(n)
    own = by_group[np.arange(n), groups]
    arguments = {"y_pred_pooled": pooled, "loss": loss, "sample_weight": w}
    assert frame.overall["rationality_gain"] == pytest.approx(rationality_gain(y, own, **arguments))
    assert frame.overall["fairness_without_harm_rate"] == pytest.approx(
        fairness_without_harm_rate(y, own, y_pred_by_group=by_group, **arguments)
    )
    assert np.isnan(frame.overall["accuracy"])
    envy = envy_gain(y, own, y_pred_by_group=by_group, groups=groups, loss=loss, sample_weight=w)
    assert frame.overall["envy_margin"] == pytest.approx(envy)
    limited = frame if loss == "brier" else frame_of(sample, **measured, loss_limit=0.9)
    if callable(loss):
        return
    table = limited.certify(tolerance=0.01, claims="all")
    assert (table["method"] == ("normal" if weighted else "betting")).all()
    assert (table["lower_bound"] < table["gain"]).all()


# --- input ---------------------------------------------------------------------------------------------------------


def test_predictions_may_be_left_out_or_must_agree_with_the_own_column():
    y, pooled, by_group, groups = sample = random_sample()
    own = by_group[np.arange(len(y)), groups]
    pd.testing.assert_series_equal(frame_of(sample).overall, frame_of(sample, y_pred=own).overall)
    with pytest.raises(
        ValueError, match=r"differs from the column of y_pred_by_group that groups names in 1 row"
    ):
        frame_of(sample, y_pred=np.where(np.arange(len(y)) == 5, 1 - own, own))


def test_people_served_by_the_pooled_classifier_belong_to_no_group():
    y, pooled, by_group, groups = random_sample()
    labels = groups.astype(object)
    labels[:50] = "pooled"
    frame = PreferenceFrame(y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=labels)
    assert frame.by_group.loc["pooled", "rationality_gain"] == 0
    assert frame.risk_matrix.index.tolist() == [0, 1, 2]
    assert frame.certify(tolerance=0.0).set_index("group").loc["pooled", "identical"]
    with pytest.raises(ValueError, match="labels 1 row.* 'pooled' whose y_pred differs from y_pred_pooled"):
        PreferenceFrame(y_true=[0, 1], y_pred=[0, 1], y_pred_pooled=[0, 0], groups=["a", "pooled"])


def test_an_audit_group_may_have_any_name():
    names = ["pooled", "all", "", "$a_b$", "_hidden"]
    sample = {"y_true": [1] * 10, "y_pred": [1] * 10, "y_pred_pooled": [0] * 10, "labels": [0, 1]}
    frame = PreferenceFrame(**sample, sensitive_features=names * 2)
    assert frame.by_group["rationality_gain"].to_dict() == dict.fromkeys(names, 1.0)
    assert len(frame.certify(tolerance=0.1)) == 5


def test_any_mitigator_can_be_compared_with_a_baseline():
    y, pooled, by_group, groups = random_sample()
    frame = PreferenceFrame(y_true=y, y_pred=by_group[:, 0], y_pred_pooled=pooled, sensitive_features=groups)
    assert (
        frame.overall[["fairness_without_harm_rate", "strict_preference_rate", "envy_margin", "n_violations"]]
        .isna()
        .all()
    )
    assert frame.overall[["rationality_gain", "max_gain", "min_gain", "disparity_change"]].notna().all()
    assert np.isnan(frame.risk_matrix.loc[0, 1])
    assert set(frame.violations()["kind"]) <= {"rationality"}
    for claims in ("envy", "all"):
        with pytest.raises(ValueError, match=f"claims='{claims}' needs y_pred_by_group"):
            frame.certify(tolerance=0.1, claims=claims)


def test_without_groups_everybody_is_one_group():
    frame = PreferenceFrame(y_true=[0, 1, 1], y_pred=[0, 1, 0], y_pred_pooled=[1, 1, 0])
    assert frame.by_group.index.tolist() == ["all"]
    assert frame.by_group.loc["all", "rationality_gain"] == pytest.approx(1 / 3)


def test_rows_of_weight_zero_do_not_count():
    y, pooled, by_group, groups = random_sample()
    w = np.ones(len(y))
    w[:100] = 0
    frame = frame_of((y, pooled, by_group, groups), sample_weight=w)
    kept = frame_of((y[100:], pooled[100:], by_group[100:], groups[100:]))
    pd.testing.assert_series_equal(frame.overall, kept.overall)


@pytest.mark.parametrize("make", [pl.DataFrame, pd.DataFrame])
def test_frames_of_other_libraries_and_intersections(make):
    y, pooled, by_group, groups = random_sample()
    sensitive = make(
        {"race": np.array(["x", "y"])[y % 2], "y_true": groups}
    )  # a trap of MetricFrame: the name y_true
    frame = frame_of((y, pooled, by_group, groups), sensitive_features=sensitive)
    assert frame.by_group.index.names == ["race", "y_true"]
    assert frame.by_group.loc[("x", 1), "n"] == ((y % 2 == 0) & (groups == 1)).sum()


def test_labels_may_be_text_or_booleans():
    y, pooled, by_group, groups = sample = random_sample()
    names = np.array(["no", "yes"])
    text = frame_of((names[y], names[pooled], names[by_group], groups))
    boolean = frame_of((y == 1, pooled == 1, by_group == 1, groups))
    pd.testing.assert_series_equal(text.overall, frame_of(sample).overall)
    pd.testing.assert_series_equal(boolean.overall, frame_of(sample).overall)


def test_very_many_group_classifiers_do_not_overflow_the_cells():
    y, pooled, by_group, groups = random_sample(n=300, n_groups=80)
    frame = frame_of((y, pooled, by_group, groups))
    own = by_group[np.arange(300), groups]
    assert frame.overall["risk"] == pytest.approx((own != y).mean())
    assert frame.risk_matrix.loc[3, 7] == pytest.approx((by_group[groups == 3, 7] != y[groups == 3]).mean())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_pred_pooled": [0]}, "y_pred_pooled has 1 rows, but y_true has 400"),
        ({"groups": np.zeros(3)}, "groups has 3 rows, but 400 are expected"),
        (
            {"groups": np.full(400, 7)},
            r"groups names \[7\], which y_pred_by_group does not have; its columns are \[0, 1, 2\]",
        ),
        ({"groups": None}, "y_pred is needed unless"),
        ({"groups": None, "y_pred": np.zeros(400)}, "groups is needed with y_pred_by_group"),
        ({"sample_weight": -np.ones(400)}, "not negative"),
        ({"sensitive_features": [None] * 400}, "has 400 missing value"),
        ({"y_true": [np.nan] * 400}, "y_true has 400 missing value"),
        ({"loss": "gini"}, "loss must be one of"),
        ({"pooled_groups": ["z"]}, r"pooled_groups names \['z'\]"),
        ({"y_pred_pooled": np.full(400, 0.5)}, "y_pred_pooled has fractions such as 0.5"),
    ],
)
def test_bad_input_names_the_argument(change, message):
    y, pooled, by_group, groups = random_sample()
    arguments = {"y_true": y, "y_pred_pooled": pooled, "y_pred_by_group": by_group, "groups": groups} | change
    with pytest.raises(ValueError, match=message):
        PreferenceFrame(**arguments)


def test_a_missing_column_of_predictions_is_named():
    y, pooled, by_group, groups = random_sample()
    with pytest.raises(ValueError, match=r"groups names \[2\], which y_pred_by_group does not have"):
        frame_of((y, pooled, by_group[:, :2], groups))


# --- violations and certificates -----------------------------------------------------------------------------------


def certain(n=400):
    """Group a gains, group b loses, group c is served by the pooled classifier."""
    y = np.ones(3 * n, dtype=int)
    groups = np.repeat(["a", "b", "c"], n)
    pooled = np.tile([0, 1], 3 * n // 2)
    own = np.where(groups == "a", 1, np.where(groups == "b", 0, pooled))
    by_group = {"a": np.ones_like(y), "b": np.zeros_like(y), "c": pooled}
    return {
        "y_true": y,
        "y_pred": own,
        "y_pred_pooled": pooled,
        "y_pred_by_group": by_group,
        "groups": groups,
        "labels": [0, 1],
    }


def test_violations_are_negative_gains_and_with_alpha_significant_ones():
    frame = PreferenceFrame(**certain(), pooled_groups=["c"])
    found = frame.violations(alpha=0.05)
    assert [tuple(row) for row in found[["group", "kind", "other"]].to_numpy()] == [
        ("b", "rationality", "pooled"), ("b", "envy", "a"), ("b", "envy", "c"), ("c", "envy", "a"),
    ]  # fmt: skip
    assert (found["gain"] < 0).all()
    assert (found["p_value"] <= found["p_adjusted"]).all()
    assert len(frame.violations(alpha=0.05, claims="rationality")) == 1
    assert frame.violations().columns.tolist() == ["group", "kind", "other", "n", "gain"]


def test_ties_of_weights_are_no_violations():
    frame = PreferenceFrame(
        y_true=[1, 1, 1], y_pred=[0, 0, 1], y_pred_pooled=[1, 1, 0], sample_weight=[0.1, 0.2, 0.3]
    )
    assert frame.overall["rationality_gain"] == 0
    assert len(frame.violations()) == 0


def test_no_violation_is_an_empty_table_with_columns():
    y, _, by_group, groups = random_sample()
    frame = PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=by_group[:, 0], groups=groups)
    for alpha in (None, 0.05):
        table = frame.violations(alpha=alpha)
        assert len(table) == 0
        assert "gain" in table


@pytest.mark.parametrize("method", ["tango", "exact"])
def test_certificates(method):
    frame = PreferenceFrame(**certain(), pooled_groups=["c"])
    table = frame.certify(tolerance=0.0, method=method).set_index("group")
    assert table["certified"].to_dict() == {"a": True, "b": False, "c": True}
    assert table["identical"].to_dict() == {"a": False, "b": False, "c": True}
    assert np.isnan(table.loc["c", "p_value"])
    assert table.loc["c", "lower_bound"] == 0
    assert table.loc["a", "lower_bound"] > 0 > table.loc["b", "lower_bound"]


def test_decisions_are_adjusted_for_exactly_the_claims_that_are_made():
    frame = frame_of(random_sample(11, n=600))
    for claims, m in (("rationality", 3), ("envy", 6), ("all", 9)):
        none, bonferroni, holm = (
            frame.certify(tolerance=0.05, claims=claims, correction=c) for c in (None, "bonferroni", "holm")
        )
        assert len(none) == m
        np.testing.assert_allclose(bonferroni["p_adjusted"], np.minimum(m * none["p_value"], 1))
        assert (holm["p_adjusted"] <= bonferroni["p_adjusted"] + 1e-15).all()
        assert (holm["lower_bound"] == bonferroni["lower_bound"]).all()
        assert (holm["lower_bound"] < none["lower_bound"]).all()
        assert ((none["p_value"] < 0.05) == (none["lower_bound"] > -0.05)).all()


def test_identical_claims_do_not_cost_power():
    y, pooled, by_group, groups = random_sample(2)
    by_group[:, 2] = pooled
    with_fallback = frame_of((y, pooled, by_group, groups), pooled_groups=[2]).certify(tolerance=0.05)
    np.testing.assert_allclose(with_fallback["p_adjusted"][:2].min(), 2 * with_fallback["p_value"][:2].min())


def test_an_audit_group_of_people_with_fallback_is_identical():
    y, pooled, by_group, groups = random_sample(2)
    by_group[:, 2] = pooled
    audit = np.where(groups == 2, "served by pooled", "others")
    table = frame_of((y, pooled, by_group, groups), pooled_groups=[2], sensitive_features=audit).certify(
        tolerance=0.1
    )
    assert table.set_index("group")["identical"].to_dict() == {"others": False, "served by pooled": True}


def test_weights_of_one_change_nothing_and_weights_that_vary_cost_certainty():
    sample = random_sample(4, n=900)
    plain = frame_of(sample).certify(tolerance=0.02)
    ones = frame_of(sample, sample_weight=np.ones(900)).certify(tolerance=0.02)
    np.testing.assert_allclose(ones["lower_bound"], plain["lower_bound"], atol=1e-9)
    varied = frame_of(sample, sample_weight=np.tile([0.1, 1.9], 450)).certify(tolerance=0.02)
    assert (varied["gain"] - varied["lower_bound"] > plain["gain"] - plain["lower_bound"]).all()


@pytest.mark.simulation
def test_weighted_bounds_cover():
    """Simulated coverage of the one-sided 95 % bound with weights (1,000 samples: standard error 0.7 points)."""
    rng = np.random.default_rng(5)
    n, samples = 300, 1000  # each sample is a group of one frame
    difference = rng.choice([-1, 0, 1], n * samples, p=[0.06, 0.86, 0.08])
    frame = PreferenceFrame(
        y_true=np.zeros(n * samples, int),
        y_pred=(difference == -1).astype(int),
        y_pred_pooled=(difference == 1).astype(int),  # wrong where own is better; everybody's label is 0
        sensitive_features=np.repeat(np.arange(samples), n),
        sample_weight=rng.choice([0.2, 1.8], n * samples),
    )
    covered = frame.certify(tolerance=0.0, correction=None)["lower_bound"] <= 0.02
    assert 0.93 <= covered.mean() <= 0.995  # the heavy may be missing


@pytest.mark.simulation
def test_false_certificates_are_as_rare_as_promised():
    """Own and pooled classifier equally good, 5 groups: any certificate at tolerance 0 is false."""
    rng = np.random.default_rng(6)
    false = 0
    for _ in range(100):
        difference = rng.choice([-1, 0, 1], 1000, p=[0.1, 0.8, 0.1])
        frame = PreferenceFrame(
            y_true=np.zeros(1000, int),
            y_pred=difference == -1,
            y_pred_pooled=difference == 1,
            groups=np.repeat(np.arange(5), 200),
        )
        false += frame.certify(tolerance=0.0)["certified"].any()
    assert false <= 10  # 0.05 plus two and a half standard errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": -0.1}, "tolerance must be at least 0 and below 1.0, the largest loss; got -0.1"),
        ({"tolerance": 1.0}, "below 1.0"),
        ({"tolerance": np.nan}, "tolerance must be at least 0"),
        ({"tolerance": "0.1"}, "tolerance must be a number; got '0.1'"),
        ({"tolerance": 0.1, "alpha": 0.0}, "alpha must be between 0 and 1"),
        ({"tolerance": 0.1, "alpha": 1.5}, "got 1.5"),
        (
            {"tolerance": 0.1, "method": "wald"},
            r"method must be one of \['tango', 'exact'\]; got 'wald'",
        ),
        ({"tolerance": 0.1, "correction": "fdr"}, "correction must be one of"),
        ({"tolerance": 0.1, "claims": "none"}, "claims must be one of"),
    ],
)
def test_certify_refuses_bad_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        frame_of(random_sample()).certify(**arguments)


def test_methods_that_do_not_apply_are_refused():
    y, pooled, by_group, groups = sample = random_sample()
    weighted = frame_of(sample, sample_weight=np.arange(1, 401))
    with pytest.raises(ValueError, match="method='exact' does not apply to weighted rows"):
        weighted.certify(tolerance=0.1, method="exact")
    brier = frame_of((y, pooled * 0.5, by_group * 0.5, groups), loss="brier")
    with pytest.raises(ValueError, match="method='exact' needs a loss of 0 and 1: 'zero_one'"):
        brier.certify(tolerance=0.1, method="exact")
    with pytest.raises(ValueError, match="alpha must be between"):
        weighted.violations(alpha=2)


def test_intervals_contain_the_gain_and_shrink_with_alpha():
    frame = frame_of(random_sample())
    wide, narrow = frame.gain_intervals(0.01), frame.gain_intervals(0.2)
    assert ((wide["lower"] < narrow["lower"]) & (narrow["lower"] < narrow["gain"])).all()
    assert ((narrow["gain"] < narrow["upper"]) & (narrow["upper"] < wide["upper"])).all()
    assert wide.index.equals(frame.by_group.index)


# --- equality with MetricFrame -------------------------------------------------------------------------------------


def assert_equal_to_metric_frame(y, own, pooled, by_group, codes, sensitive, groups):
    """Per-group figures of the functions in MetricFrame are those of `by_group`."""
    packed = pack_predictions(by_group)
    with_all = {"y_pred_pooled": pooled, "y_pred_by_group": packed}
    metrics = {
        "rationality_gain": (rationality_gain, {"y_pred_pooled": pooled}),
        "negative_flip_rate": (negative_flip_rate, {"y_pred_pooled": pooled}),
        "positive_flip_rate": (positive_flip_rate, {"y_pred_pooled": pooled}),
        "disagreement_rate": (disagreement_rate, {"y_pred_pooled": pooled}),
        "fairness_without_harm_rate": (fairness_without_harm_rate, with_all),
        "strict_preference_rate": (strict_preference_rate, with_all),
    }
    if sensitive is groups:
        metrics["envy_gain"] = (envy_gain, {"y_pred_by_group": packed, "groups": codes})
    theirs = MetricFrame(
        metrics={name: function for name, (function, _) in metrics.items()},
        y_true=y,
        y_pred=own,
        sensitive_features=sensitive,
        sample_params={name: parameters for name, (_, parameters) in metrics.items()},
    )
    ours = PreferenceFrame(
        y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups, sensitive_features=sensitive
    )
    for name in metrics:
        expected = theirs.by_group[name].astype(float)
        np.testing.assert_allclose(ours.by_group[name].astype(float), expected, atol=1e-12, err_msg=name)
        if name != "envy_gain":
            assert ours.overall[name] == pytest.approx(theirs.overall[name])
    assert ours.by_group.index.tolist() == theirs.by_group.index.tolist()


def test_functions_in_metric_frame_give_by_group():
    y, pooled, by_group, groups = random_sample(9)
    own = by_group[np.arange(len(y)), groups]
    assert_equal_to_metric_frame(y, own, pooled, by_group, groups, groups, groups)
    race = np.array(["x", "y"])[np.arange(len(y)) % 2]
    assert_equal_to_metric_frame(y, own, pooled, by_group, groups, race, groups)


def test_functions_in_metric_frame_give_by_group_on_adult(real_data):
    from fairlearn_fwh.datasets import default_preprocessor, fetch_adult

    bunch = fetch_adult(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)[:6000]
    y, race = bunch.target.to_numpy()[:6000], bunch.sensitive_features["race"][:6000]
    model = DecoupledClassifier(min_group_size=20).fit(X, y, sensitive_features=race)
    by_group = model.predict_by_group(X)
    assert_equal_to_metric_frame(
        y,
        model.predict(X, sensitive_features=race),
        model.pooled_estimator_.predict(X),
        by_group,
        by_group.columns.get_indexer(race.astype(object)),
        race,
        race,
    )


def test_functions_work_in_derived_metrics():
    y, pooled, by_group, groups = random_sample(9)
    smallest = make_derived_metric(
        metric=rationality_gain, transform="group_min", sample_param_names=["y_pred_pooled", "sample_weight"]
    )
    own = by_group[np.arange(len(y)), groups]
    value = smallest(y, own, sensitive_features=groups, y_pred_pooled=pooled)
    assert value == pytest.approx(frame_of((y, pooled, by_group, groups)).overall["min_gain"])


# --- estimators ----------------------------------------------------------------------------------------------------


def fitted(n=600, **settings):
    rng = np.random.default_rng(0)
    X, s = rng.standard_normal((n, 2)), np.array(["a", "b", "c"])[np.arange(n) % 3]
    y = np.where(s == "a", X[:, 0] > 0, X[:, 1] > 0).astype(int)
    return DecoupledClassifier(**settings).fit(X, y, sensitive_features=s), X, y, s


def test_from_estimator_and_from_a_pipeline():
    model, X, y, s = fitted()
    frame = PreferenceFrame.from_estimator(model, X, y, sensitive_features=s)
    assert frame.by_group.index.tolist() == ["a", "b", "c"]
    assert frame.overall["accuracy"] == pytest.approx(model.score(X, y, sensitive_features=s))
    pipeline = make_pipeline(StandardScaler(), DecoupledClassifier())
    pipeline.fit(X, y, decoupledclassifier__sensitive_features=s)
    through = PreferenceFrame.from_estimator(pipeline, X, y, sensitive_features=s)
    assert through.overall["accuracy"] == pytest.approx(
        (pipeline.predict(X, sensitive_features=s) == y).mean()
    )


def test_from_a_search():
    model, X, y, s = fitted()
    search = GridSearchCV(DecoupledClassifier(LogisticRegression()), {"min_group_size": [10]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y, sensitive_features=s)
    frame = PreferenceFrame.from_estimator(search, X, y, sensitive_features=s)
    assert frame.by_group.index.tolist() == ["a", "b", "c"]


def test_from_estimator_with_probabilities():
    model, X, y, s = fitted()
    frame = PreferenceFrame.from_estimator(model, X, y, sensitive_features=s, loss="brier")
    own = model.predict_proba(X, sensitive_features=s)[:, 1]
    assert frame.overall["risk"] == pytest.approx(((own - y) ** 2).mean())


def test_from_estimator_refuses_a_single_model():
    with pytest.raises(
        TypeError, match="LogisticRegression has no predict_by_group: it is not a routed ensemble"
    ):
        PreferenceFrame.from_estimator(LogisticRegression(), [[0]], [0])


def test_with_very_many_groups_envy_is_skipped_with_a_reason(rng):
    X, s = rng.standard_normal((500, 2)), np.arange(500) % 120
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DecoupledClassifier(min_group_size=1).fit(X, (X[:, 0] > 0).astype(int), sensitive_features=s)
    with pytest.warns(EnvySkippedWarning, match="120 groups would each have to be asked about every row"):
        frame = model.preference_frame(X, (X[:, 0] > 0).astype(int), sensitive_features=s)
    assert len(frame.by_group) == 120
    assert frame.by_group["rationality_gain"].notna().all()
    assert np.isnan(frame.overall["envy_margin"])
    with pytest.warns(EnvySkippedWarning):
        some = model.preference_frame(X[s < 50], (X[s < 50, 0] > 0).astype(int), sensitive_features=s[s < 50])
    assert len(some.by_group) == 50
    with (
        pytest.raises(ValueError, match="All rows of the group 50 have weight 0"),
        pytest.warns(EnvySkippedWarning),
    ):
        model.preference_frame(
            X, (X[:, 0] > 0).astype(int), sensitive_features=s, sample_weight=1.0 * (s < 50)
        )


# --- form ----------------------------------------------------------------------------------------------------------


def test_the_frame_can_be_read():
    frame = frame_of(random_sample())
    assert "400 rows, 3 assigned and 3 audit group(s)" in repr(frame)
    assert "rationality_gain" in repr(frame)
    assert "<table" in frame._repr_html_()


def test_the_frame_holds_no_rows():
    small, large = (len(pickle.dumps(frame_of(random_sample(n=n)))) for n in (400, 40_000))
    assert large < small + 2000
