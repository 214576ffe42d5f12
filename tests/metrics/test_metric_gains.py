"""Gains in any metric: equal to what the metric says, drawn by groups and units, nothing certified."""

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, selection_rate
from sklearn.metrics import f1_score, make_scorer, mean_squared_error, roc_auc_score

from fairlearn_fwh.metrics import PreferenceFrame, metric_gain


def people(rng, n=600):
    y, groups = rng.integers(0, 2, n), rng.choice(["a", "b"], n)
    own, pooled = (np.where(rng.random(n) < share, 1 - y, y) for share in (0.1, 0.3))
    return {"y_true": y, "y_pred": own, "y_pred_pooled": pooled, "sensitive_features": groups}


def test_points_are_those_of_metric_frame(rng):
    sample = people(rng)
    gains = PreferenceFrame.from_metric(f1_score, **sample, n_boot=5)
    y, groups = sample["y_true"], sample["sensitive_features"]
    own, pooled = (
        MetricFrame(metrics=f1_score, y_true=y, y_pred=sample[name], sensitive_features=groups).by_group
        for name in ("y_pred", "y_pred_pooled")
    )
    np.testing.assert_allclose(gains.by_group["gain"], own - pooled)
    inside = MetricFrame(
        metrics=metric_gain(f1_score),
        y_true=y,
        y_pred=sample["y_pred"],
        sensitive_features=groups,
        sample_params={"y_pred_pooled": sample["y_pred_pooled"]},
    )
    np.testing.assert_allclose(inside.by_group, own - pooled)
    assert gains.overall["gain"] == pytest.approx(inside.overall)


def test_errors_are_turned_so_that_positive_is_good():
    gain = metric_gain(mean_squared_error, greater_is_better=False)
    assert gain([0.0], [0.0], y_pred_pooled=[2.0]) == 4.0
    assert gain.__name__ == "mean_squared_error_gain"
    weighted = metric_gain(f1_score)([1, 0], [1, 0], y_pred_pooled=[1, 1], sample_weight=[1, 3])
    assert weighted == pytest.approx(1 - f1_score([1, 0], [1, 1], sample_weight=[1, 3]))


@pytest.mark.long
@pytest.mark.simulation
def test_intervals_cover_where_groups_are_large(rng):
    covered = 0
    for seed in range(100):
        sample = people(np.random.default_rng(seed), n=400)
        gains = PreferenceFrame.from_metric(
            lambda y, p: float(np.mean(y == p)), **sample, n_boot=200, random_state=seed
        ).gain_intervals(alpha=0.1)
        covered += int(((gains["lower"] <= 0.2) & (gains["upper"] >= 0.2)).sum())
    assert covered >= 0.82 * 200


def test_units_are_drawn_with_all_their_rows(rng):
    sample = people(rng, n=100)
    copies = {name: np.repeat(values, 6) for name, values in sample.items()}
    units = np.repeat(np.arange(100), 6)
    once, by_units, naive = (
        PreferenceFrame.from_metric(selection_rate, **given, n_boot=400, random_state=0).gain_intervals()
        for given in (sample, copies | {"units": units}, copies)
    )
    width = [(table["upper"] - table["lower"]).mean() for table in (once, by_units, naive)]
    assert width[1] == pytest.approx(width[0], rel=0.2)
    assert width[2] < 0.6 * width[0]


@pytest.mark.long
def test_undefined_metrics_are_no_numbers(rng):
    sample = people(rng, n=60) | {"sensitive_features": np.repeat(["a", "b"], 30)}
    sample["y_true"] = np.where(np.arange(60) < 30, 1, sample["y_true"])
    sample |= {"y_pred": rng.random(60), "y_pred_pooled": rng.random(60)}

    def auc(y, score):
        return roc_auc_score(y, score) if 0 < np.mean(y) < 1 else np.nan

    table = PreferenceFrame.from_metric(auc, **sample, n_boot=400).gain_intervals()
    assert table.loc["a"].isna()[["gain", "lower", "upper"]].all()
    assert table.loc["b"].notna().all()


@pytest.mark.parametrize(
    ("metric", "change", "error", "message"),
    [
        ("f1", {}, TypeError, "metric must be callable"),
        (make_scorer(f1_score), {}, TypeError, "not a scorer"),
        (f1_score, {"n_boot": 0}, ValueError, "n_boot must be a whole number"),
        (lambda y, p: 0.0, {"sample_weight": np.ones(40)}, ValueError, "does not take it"),
        (f1_score, {"y_true": ["x", "y"] * 20}, ValueError, "f1_score cannot be computed for group"),
        (f1_score, {"y_pred": np.ones(3)}, ValueError, "3"),
    ],
)
def test_bad_input_is_refused(rng, metric, change, error, message):
    given = people(rng, n=40) | {"n_boot": 10} | change
    with pytest.raises(error, match=message):
        PreferenceFrame.from_metric(metric, **given)


def test_too_few_replicates_for_a_small_level_are_refused(rng):
    gains = PreferenceFrame.from_metric(f1_score, **people(rng), n_boot=100, random_state=0)
    with pytest.raises(ValueError, match="alpha=0.01 needs at least 1,000 replicates"):
        gains.gain_intervals(alpha=0.01)
    low, high = gains.overall_interval(alpha=0.1)
    assert low < gains.overall["gain"] < high
    assert "MetricGains: f1_score, 2 group(s)" in repr(gains)
