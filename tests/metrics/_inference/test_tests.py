"""Tests, bounds and corrections against libraries, against each other, and by simulation."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from fairlearn_fwh.metrics._inference._rare_events import skellam_p_value
from fairlearn_fwh.metrics._inference._step_down import adjust_p_values
from fairlearn_fwh.metrics._inference._tests import (
    PairedDifferences,
    _exact_bound,
    _exact_p_value,
    certificate_p_value,
    gain_lower_bound,
    harm_p_value,
    tango_bound,
    tango_p_value,
)


def differences(n, worse, better, *, weighted=False, upper=1.0):
    n, worse, better = (np.atleast_1d(np.asarray(a, dtype=float)) for a in (n, worse, better))
    gain = (better - worse) / n
    variance = ((better + worse) / n - gain**2) / n
    return PairedDifferences(n, gain, variance, worse, better, weighted, upper)


counts = st.tuples(st.integers(30, 5000), st.integers(0, 400), st.integers(0, 400)).filter(
    lambda c: c[1] + c[2] <= c[0]
)


@given(counts, st.floats(0, 0.3))
def test_score_test_at_the_bound_gives_alpha(sample, alpha_offset):
    """The bound is the inversion of the test: H0 with the bound as tolerance has p-value alpha."""
    n, worse, better = (np.array([float(c)]) for c in sample)
    alpha = 0.01 + alpha_offset
    bound = tango_bound(n, worse, better, alpha)[0]
    if -1 + 1e-6 < bound < 1 - 1e-6:
        p = tango_p_value(n, worse, better, -bound)[0]
        assert p == pytest.approx(alpha, abs=1e-5)


def test_score_statistic_uses_the_constrained_maximum_likelihood():
    """Discordance under the hypothesis maximises the multinomial likelihood with its difference fixed."""
    n, worse, better, delta = 200, 30, 18, 0.02

    def negative_log_likelihood(q):  # q = P(better); P(worse) = q + delta
        return -(
            worse * np.log(q + delta) + better * np.log(q) + (n - worse - better) * np.log(1 - 2 * q - delta)
        )

    q = optimize.minimize_scalar(
        negative_log_likelihood, bounds=(1e-9, (1 - delta) / 2 - 1e-9), method="bounded"
    ).x
    z = (worse - better - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))
    assert tango_p_value(np.array([n]), np.array([worse]), np.array([better]), delta)[0] == pytest.approx(
        stats.norm.cdf(z), abs=1e-4
    )


@pytest.mark.parametrize("n", [30, 500])
def test_bound_without_discordant_people(n):
    """Copies are not certified for nothing: the bound is z^2 / (n + z^2) below 0."""
    z2 = stats.norm.ppf(0.95) ** 2
    assert tango_bound(np.array([n]), np.array([0]), np.array([0]), 0.05)[0] == pytest.approx(
        -z2 / (n + z2), abs=1e-9
    )


def test_harm_test_is_exact_mcnemar():
    for worse, better in ((7, 3), (12, 1), (0, 0), (5, 20)):
        expected = (
            stats.binomtest(worse, worse + better, alternative="greater").pvalue if worse + better else 1.0
        )
        assert harm_p_value(differences(100, worse, better))[0] == pytest.approx(expected)


@given(counts, st.floats(0, 0.1))
def test_exact_p_value_inverts_the_exact_bound(sample, tolerance):
    n, worse, better = (np.array([float(c)]) for c in sample)
    p = _exact_p_value(n, worse, better, tolerance)[0]
    for alpha in (0.01, 0.05, 0.2):
        if abs(p - alpha) > 1e-9:
            assert (p < alpha) == (_exact_bound(n, worse, better, alpha)[0] > -tolerance)


def test_clopper_pearson_ends_agree_with_scipy():
    bound = _exact_bound(np.array([80.0]), np.array([9.0]), np.array([14.0]), 0.1)[0]
    lower = stats.binomtest(14, 80).proportion_ci(0.9, method="exact").low
    upper = stats.binomtest(9, 80).proportion_ci(0.9, method="exact").high
    assert bound == pytest.approx(lower - upper)


@pytest.mark.parametrize("method", ["tango", "exact"])
@given(sample=counts, tolerance=st.floats(0, 0.2))
@settings(max_examples=50)
def test_p_value_and_bound_tell_the_same(method, sample, tolerance):
    d = differences(*sample)
    # At tolerance 0 and of few people certificates have exact tests in place of those whose bound this is.
    counts = d.n, d.worse, d.better
    p = (
        np.fmax(tango_p_value(*counts, tolerance), skellam_p_value(*counts, np.array([tolerance])))
        if method == "tango"
        else certificate_p_value(d, tolerance, method)
    )[0]
    bound = gain_lower_bound(d, 0.05, method)[0]
    if abs(bound + tolerance) > 1e-9:
        assert (p < 0.05) == (bound > -tolerance)


def test_normal_test_is_students_t():
    d = np.random.default_rng(0).normal(0.1, 1, 60)
    paired = PairedDifferences(
        np.array([60.0]), np.array([d.mean()]), np.array([d.var() / 60]), None, None, False, None
    )
    expected = stats.ttest_1samp(d, -0.05, alternative="greater").pvalue
    assert certificate_p_value(paired, 0.05, "tango")[0] == pytest.approx(expected)
    assert harm_p_value(paired)[0] == pytest.approx(stats.ttest_1samp(d, 0, alternative="less").pvalue)


def test_one_person_or_nobody_proves_nothing():
    paired = PairedDifferences(
        np.array([1.0, 0.0]), np.array([0.5, np.nan]), np.zeros(2), None, None, False, None
    )
    assert certificate_p_value(paired, 0.1, "tango").tolist() == [1, 1]
    assert gain_lower_bound(paired, 0.05, "tango").tolist()[0] == -np.inf
    assert tango_bound(np.array([0]), np.array([0]), np.array([0]), 0.05)[0] == -1
    assert tango_p_value(np.array([0]), np.array([0]), np.array([0]), 0.1)[0] == 1


@pytest.mark.parametrize("upper", [1.0, None])
def test_without_variance_nothing_is_certain(upper):
    """Few people whose losses are all the same are not an identity by construction."""
    paired = PairedDifferences(np.array([2.0]), np.array([0.0]), np.zeros(1), None, None, False, upper)
    assert certificate_p_value(paired, 0.001, "tango")[0] == 1
    assert gain_lower_bound(paired, 0.05, "tango")[0] < -0.5
    assert harm_p_value(paired)[0] == 1


def test_weighted_harm_test_with_unit_weights_is_mcnemar():
    for worse, better in ((5, 0), (7, 3), (0, 4), (40, 21)):
        weighted, plain = (
            harm_p_value(differences(100, worse, better, weighted=w))[0] for w in (True, False)
        )
        assert weighted == pytest.approx(plain)


def test_small_groups_get_exact_bounds():
    d = differences(20, 1, 2)
    assert gain_lower_bound(d, 0.05, "tango") == gain_lower_bound(d, 0.05, "exact")


@pytest.mark.parametrize("method", ["tango", "exact"])
def test_no_gain_is_below_what_it_can_be(method):
    assert (
        gain_lower_bound(differences([1, 2, 3, 5], [1, 1, 0, 5], [0, 0, 0, 0]), 0.001, method) >= -1
    ).all()


p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=8).map(np.array)


@given(p_lists, st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_stepping_down_rejects(p_values, alpha):
    order = np.argsort(p_values, kind="stable")
    # On the very level rounding decides, and it need not decide alike.
    assume((np.abs(p_values[order] * np.arange(len(order), 0, -1) - alpha) > 1e-9).all())
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, i in enumerate(order):
        if p_values[i] * (len(p_values) - step) >= alpha:
            break
        rejected[i] = True
    assert ((adjust_p_values(p_values, "holm") < alpha) == rejected).all()


def test_bonferroni_multiplies_and_none_does_nothing():
    p_values = np.array([0.01, 0.4])
    assert adjust_p_values(p_values, "bonferroni").tolist() == [0.02, 0.8]
    assert adjust_p_values(p_values, None) is p_values


@pytest.mark.parametrize(
    ("n", "discordance", "gain"), [(100, 0.1, 0.0), (400, 0.05, 0.01), (1000, 0.2, -0.02), (3000, 0.02, 0.0)]
)
def test_score_bound_covers_as_often_as_it_says(n, discordance, gain):
    """Simulated coverage of the one-sided 95 % bound (40,000 samples: standard error 0.1 points)."""
    p_better, p_worse = (discordance + gain) / 2, (discordance - gain) / 2
    sample = np.random.default_rng(0).multinomial(n, [p_worse, p_better, 1 - discordance], size=40_000)
    bound = tango_bound(np.full(len(sample), n), sample[:, 0], sample[:, 1], 0.05)
    assert 0.935 <= (bound <= gain).mean() <= 0.965


def test_exact_bounds_cover_at_least_as_often_as_they_say():
    sample = np.random.default_rng(1).multinomial(200, [0.05, 0.06, 0.89], size=20_000)
    d = differences(np.full(len(sample), 200), sample[:, 0], sample[:, 1])
    assert (gain_lower_bound(d, 0.05, "exact") <= 0.01).mean() >= 0.95
