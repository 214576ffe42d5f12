"""Samples of different people: risks are compared, and harm is said only where chance has assigned them."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from fairlearn_fwh.metrics import PreferenceFrame, compare_samples
from fairlearn_fwh.metrics._inference._unpaired import (
    TwoSamples,
    constrained_risks,
    difference_bounds,
    higher_risk_p_value,
)


def counts(x_new, n_new, x_old, n_old):
    x_new, n_new, x_old, n_old = (
        np.atleast_1d(np.asarray(a, dtype=float)) for a in (x_new, n_new, x_old, n_old)
    )
    return TwoSamples(x_new / n_new, x_old / n_old, n_new, n_old)


def score_statistic(x, n, y, m, delta):
    """Miettinen and Nurminen's, written down once more."""
    new, old = constrained_risks(counts(x, n, y, m), np.full(len(x), delta))
    variance = (new * (1 - new) / n + old * (1 - old) / m) * (n + m) / (n + m - 1)
    difference = x / n - y / m - delta
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, difference / np.sqrt(variance), np.sign(difference) * np.inf)


def frame(errors, groups=None, **more):
    """A sample in which these people are served wrongly."""
    errors = np.asarray(errors, dtype=int)
    return PreferenceFrame(
        y_true=np.zeros(len(errors), dtype=int), y_pred=errors, y_pred_pooled=errors, sensitive_features=groups,
        labels=[0, 1], **more,
    )  # fmt: skip


# --- test and interval ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "n", "y", "m"), [(7, 40, 3, 60), (0, 30, 5, 20), (12, 12, 6, 9), (1, 500, 4, 70)]
)
@pytest.mark.parametrize("delta", [-0.2, 0.0, 0.05, 0.3])
def test_constrained_risks_are_the_likeliest(x, n, y, m, delta):
    new, old = constrained_risks(counts(x, n, y, m), np.array([delta]))
    assert new - old == pytest.approx(delta)

    def minus_log_likelihood(p):
        q = p - delta
        return -stats.binom.logpmf(x, n, p) - stats.binom.logpmf(y, m, q)

    low, high = max(delta, 0) + 1e-12, min(1 + delta, 1) - 1e-12
    best = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    )
    assert minus_log_likelihood(float(np.clip(new[0], low, high))) <= best.fun + 1e-6


def test_the_test_finds_no_more_than_the_interval():
    samples = counts([30, 8, 60], [100, 100, 400], [18, 8, 50], [100, 150, 300])
    for alpha in (0.05, 0.2):
        lower, _ = difference_bounds(samples, alpha)
        for i, bound in enumerate(lower):
            one = TwoSamples(*(a[[i]] for a in (samples.new, samples.old, samples.n_new, samples.n_old)))
            assert 0.99 * alpha / 2 <= higher_risk_p_value(one, bound).item() <= 1.25 * alpha / 2  # in steps


@pytest.mark.long(but_every=2)
@pytest.mark.simulation
@pytest.mark.parametrize(
    ("n", "m", "risk"), [(4, 1000, 0.05), (20, 1000, 0.01), (100, 3000, 0.003), (200, 200, 0.1)]
)
def test_few_people_and_few_events_are_no_higher_risk(n, m, risk):
    rng = np.random.default_rng(0)
    samples = counts(
        rng.binomial(n, risk, 2000), np.full(2000, n), rng.binomial(m, risk, 2000), np.full(2000, m)
    )
    assert (higher_risk_p_value(samples) < 0.05).mean() < 0.06  # Miettinen and Nurminen alone: up to 0.17


def test_a_large_loss_that_is_rare_may_be_missing_from_the_old_sample():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 3000).astype(str)

    def sample(n):
        y = (rng.random(100 * 3000) < 0.003).astype(int)
        keep = np.tile(np.arange(3000) < n, 100)
        p = np.full(keep.sum(), 0.01)
        return PreferenceFrame(
            y_true=y[keep], y_pred=p, y_pred_pooled=p, sensitive_features=groups[keep], loss="brier"
        )

    table = compare_samples(sample(3000), sample(200)).table
    assert (table["p_value"] < 0.05).mean() < 0.05  # Welch's test alone: 0.58
    assert (table["lower"] <= 0).mean() > 0.9


@pytest.mark.long(but_every=2)
@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 300), (500, 500), (5000, 1000)])
@pytest.mark.parametrize(("p", "q"), [(0.05, 0.05), (0.2, 0.1), (0.5, 0.5), (0.3, 0.5)])
def test_intervals_cover(n, m, p, q):
    """Not by simulation, but over a grid of the pairs of counts that are at all likely."""
    x, y = (
        np.arange(*(stats.binom.ppf([1e-5, 1 - 1e-5], size, risk) + [0, 1]).astype(int))
        for size, risk in ((n, p), (m, q))
    )
    step = max(len(x) * len(y) // 400, 1)
    grid_x, grid_y = (axis.ravel()[::step] for axis in np.meshgrid(x, y))
    weight = stats.binom.pmf(grid_x, n, p) * stats.binom.pmf(grid_y, m, q)
    lower, upper = difference_bounds(
        counts(grid_x, np.full(len(grid_x), n), grid_y, np.full(len(grid_y), m)), 0.05
    )
    covered = (weight * ((lower <= p - q) & (upper >= p - q))).sum() / weight.sum()
    assert 0.93 <= covered <= 0.985


@pytest.mark.parametrize(
    ("new", "n_new", "old", "n_old", "margin"),
    [
        (4, 5, 60, 150, 0.0),
        (5, 5, 90, 150, 0.1),
        (90, 150, 1, 5, 0.0),
        (9, 12, 4, 20, 0.3),
        (2, 25, 0, 25, 0.05),
    ],
)
def test_p_values_of_small_samples_are_the_largest_of_all_risks(new, n_new, old, n_old, margin):
    """Brute force: every table that says at least as much, at 2,001 risks."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(n_new + 1.0), np.arange(n_old + 1.0)))
    statistic = score_statistic(x, np.full(len(x), n_new), y, np.full(len(x), n_old), margin)
    says = statistic >= statistic[(x == new) & (y == old)] - 1e-9
    largest = max(
        (stats.binom.pmf(x[says], n_new, risk + margin) * stats.binom.pmf(y[says], n_old, risk)).sum()
        for risk in np.linspace(0, 1 - margin, 2001)
    )
    exact = higher_risk_p_value(counts([new], [n_new], [old], [n_old]), margin).item()
    assert exact == pytest.approx(largest, rel=0.01)


@pytest.mark.parametrize(
    ("n_new", "n_old", "risk", "margin", "alpha"),
    [(5, 200, 0.5, 0.1, 0.05), (5, 200, 0.7, 0.0, 0.1), (5, 200, 0.7, 0.1, 0.2), (200, 5, 0.2, 0.01, 0.2)],
)
def test_higher_risks_of_small_samples_have_their_level(n_new, n_old, risk, margin, alpha):
    """Computed, not simulated; the laws of large samples say so in up to 29.7 % where 20 are promised."""
    x, y = (np.arange(n + 1) for n in (n_new, n_old))
    weight = np.outer(stats.binom.pmf(x, n_new, risk + margin), stats.binom.pmf(y, n_old, risk)).ravel()
    x, y = (axis.ravel() for axis in np.meshgrid(x, y, indexing="ij"))
    likely = weight > 1e-5
    samples = counts(x[likely], np.full(likely.sum(), n_new), y[likely], np.full(likely.sum(), n_old))
    assert weight[likely][higher_risk_p_value(samples, margin) < alpha].sum() <= alpha


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_intervals_allow_what_the_test_of_few_people_does(alpha):
    """One of two has the loss, none of 30 before: p = .024, and by the law of large samples a 99 % interval above 0."""
    samples = counts([1], [2], [0], [30])
    assert (difference_bounds(samples, alpha)[0] > 0) == (higher_risk_p_value(samples) < alpha / 2)


def test_shares_of_0_and_1_have_intervals():
    lower, upper = difference_bounds(counts([0, 20, 20, 0], [20] * 4, [0, 20, 0, 20], [20] * 4), 0.05)
    assert (np.isfinite(lower) & np.isfinite(upper)).all()
    assert (lower[:2] < 0).all()
    assert (upper[:2] > 0).all()
    assert lower[2] > 0.7
    assert upper[3] < -0.7


# --- frames ---------------------------------------------------------------------------------------------------------


def test_groups_are_compared_and_called_by_name(rng):
    groups = rng.choice(["a", "b"], 4000)
    new = frame(rng.random(4000) < np.where(groups == "a", 0.3, 0.2), groups)
    old = frame(rng.random(3000) < 0.2, rng.choice(["a", "b"], 3000))
    found = compare_samples(new, old)
    table = found.table
    assert table["higher"].to_dict() == {"a": True, "b": False}
    assert (table["increase"] == table["risk"] - table["risk_old"]).all()
    assert ((table["lower"] < table["increase"]) & (table["increase"] < table["upper"])).all()
    assert (table["p_adjusted"] >= table["p_value"]).all()
    assert found.verdict.startswith("Higher risk on the new sample with 95 % confidence: a (+")
    assert compare_samples(new, old, randomized=True).verdict.startswith(
        "The new model harms with 95 % confidence: a (+"
    )
    assert not compare_samples(new, old, margin=0.2).table["higher"].any()
    calm = compare_samples(old, old)
    assert (
        calm.verdict
        == "No higher risk was found on the new sample, with 95 % confidence; that there is none is not shown."
    )


@pytest.mark.long
@pytest.mark.simulation
def test_where_risks_are_equal_it_is_rarely_called_higher():
    rng, runs, found = np.random.default_rng(0), 40, 0
    for _ in range(runs):
        new, old = (frame(rng.random(1200) < 0.2, np.arange(1200) % 6) for _ in range(2))
        found += compare_samples(new, old).table["higher"].any()
    assert stats.binomtest(int(found), runs, 0.05, alternative="greater").pvalue > 0.01


def test_groups_of_one_sample_only_are_not_tested():
    new, old = frame([0, 1] * 20, ["a", "b"] * 20), frame([0, 1] * 20, ["b", "c"] * 20)
    table = compare_samples(new, old).table
    assert table[["n", "n_old"]].to_numpy().tolist() == [[20, 0], [20, 20], [0, 20]]
    assert table["p_value"].notna().tolist() == [False, True, False]
    assert table["lower"].notna().tolist() == [False, True, False]


def test_groups_that_cannot_be_compared_are_refused_or_named():
    new = frame([0, 1] * 20, ["a", "b"] * 20)
    with pytest.raises(ValueError, match="no group in common"):
        compare_samples(new, frame([0, 1] * 20, ["c", "d"] * 20))
    with pytest.raises(ValueError, match="new has the group b and old the group B"):
        compare_samples(new, frame([0, 1] * 20, ["a", "B"] * 20))
    verdict = compare_samples(new, frame([0, 1] * 20, ["b", "c"] * 20)).verdict
    assert "In one sample only, and not compared: a, c." in verdict


def test_two_ways_of_coding_are_refused():
    def coded(labels):
        y = np.array(labels * 20)
        return PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=["a"] * 40)

    with pytest.raises(
        ValueError, match="new has the labels 1, 2; in old they are 0, 1: are they coded in two ways"
    ):
        compare_samples(coded([1, 2]), coded([0, 1]))


def test_real_valued_losses_have_at_least_welchs_p_value(rng):
    y = rng.integers(0, 2, 300)
    p, q = rng.random((2, 300))
    new, old = (
        PreferenceFrame(y_true=y[:n], y_pred=s[:n], y_pred_pooled=s[:n], loss="brier")
        for s, n in ((p, 300), (q, 200))
    )
    table = compare_samples(new, old).table
    losses = (p - y) ** 2, ((q - y) ** 2)[:200]
    expected = stats.ttest_ind(*losses, equal_var=False, alternative="greater")
    assert expected.pvalue <= table["p_value"].item() <= 1.6 * expected.pvalue
    with pytest.raises(ValueError, match="has no largest value"):
        compare_samples(*(PreferenceFrame(y_true=y, y_pred=p, y_pred_pooled=q, loss="log") for _ in range(2)))


def test_weights_and_units_are_refused():
    plain = frame([0, 1] * 20)
    for more in ({"sample_weight": [1, 2] * 20}, {"units": [0, 1] * 20}):
        with pytest.raises(
            ValueError, match="old has weights or units, for which there is no test of two samples"
        ):
            compare_samples(plain, frame([0, 1] * 20, **more))


def test_small_groups_are_not_named():
    new = frame([1] * 8 + [0, 1] * 50, ["few"] * 8 + ["many"] * 100)
    old = frame([0] * 60 + [0, 1] * 50, ["few"] * 60 + ["many"] * 100)
    found = compare_samples(new, old)
    assert found.table.loc["few", "higher"]
    assert "few (" not in found.verdict
    assert found.verdict.endswith("1 group of fewer than 10 people.")


@pytest.mark.parametrize(
    ("other", "arguments", "error", "message"),
    [
        (lambda: "old", {}, TypeError, "old must be a PreferenceFrame; got str"),
        (lambda: frame([0, 1] * 20, control_features=[0, 1] * 20), {}, ValueError, "old has control features"),
        (lambda: frame([0, 1] * 20, pd.Series([0, 1] * 20, name="age")), {}, ValueError, "the same columns of groups"),
        (lambda: frame([0, 1] * 20), {"alpha": 2}, ValueError, "alpha must be between 0 and 1"),
        (lambda: frame([0, 1] * 20), {"margin": -1}, ValueError, "margin must be at least 0"),
        (
            lambda: PreferenceFrame(y_true=[0, 1], y_pred=[0.5, 0.5], y_pred_pooled=[0.5, 0.5], loss="brier"),
            {}, ValueError, "the same loss; got 'zero_one' and 'brier'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(other, arguments, error, message):
    with pytest.raises(error, match=message):
        compare_samples(frame([0, 1] * 20), other(), **arguments)
