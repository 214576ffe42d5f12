"""Exact tests of few people, against the definition and against the score test."""

import numpy as np
import pytest
from scipy import stats

from fairlearn_fwh.metrics._inference._tests import PairedDifferences, certificate_p_value, harm_p_value
from fairlearn_fwh.metrics._inference._unconditional import (
    table_p_values,
    tango_statistic,
    unconditional_p_value,
)


def tables(n):
    return [(worse, better) for worse in range(n + 1) for better in range(n + 1 - worse)]


def statistic(n, worse, better, tolerance):
    return tango_statistic(*(np.atleast_1d(np.float64(a)) for a in (n, worse, better, tolerance)))[0]


@pytest.mark.parametrize("tolerance", [0.1, 0.35, -0.2])
def test_the_p_value_is_the_largest_probability_of_what_says_as_much(tolerance):
    n = 7
    counts = np.array([(worse, better, n - worse - better) for worse, better in tables(n)])
    probabilities = []
    for both in np.linspace(0, (1 - abs(tolerance)) / 2, 400):
        losing, gaining = both + max(tolerance, 0), both + max(-tolerance, 0)
        probabilities.append(
            stats.multinomial.pmf(counts, n, [losing, gaining, max(1 - losing - gaining, 0)])
        )
    values = np.array([statistic(n, worse, better, tolerance) for worse, better in tables(n)])
    for (worse, better), value in zip(tables(n), values, strict=True):
        largest = np.array(probabilities)[:, values <= value + 1e-9].sum(axis=1).max()
        assert table_p_values(n, tolerance)[worse, better] == pytest.approx(largest, abs=2e-3)


@pytest.mark.parametrize(("n", "tolerance"), [(15, 0.2), (29, 0.1), (60, 0.05), (99, 0.05)])
def test_no_share_of_discordant_people_makes_it_too_large(n, tolerance):
    rejected = table_p_values(n, tolerance) < 0.05
    worse, better = np.nonzero(rejected)
    for both in np.linspace(0, (1 - tolerance) / 2, 333):
        p = [both + tolerance, both, max(1 - 2 * both - tolerance, 0.0)]
        size = stats.multinomial.pmf(np.column_stack([worse, better, n - worse - better]), n, p).sum()
        assert size <= 0.0502


@pytest.mark.parametrize(
    ("n", "tolerance", "discordance", "least"),
    [(29, 0.1, 0.05, 0.5), (25, 0.2, 0.1, 0.8), (15, 0.2, 0.1, 0.5)],
)
def test_few_people_are_certified_as_often_as_the_specification_asks(n, tolerance, discordance, least):
    sample = np.random.default_rng(0).multinomial(
        n, [discordance / 2, discordance / 2, 1 - discordance], size=4000
    )
    p = unconditional_p_value(np.full(4000, float(n)), sample[:, 0], sample[:, 1], tolerance)
    assert (p < 0.05).mean() >= least


def test_more_people_without_discordance_never_say_less():
    n = np.arange(1, 301, dtype=float)
    none = np.zeros_like(n)
    p = certificate_p_value(PairedDifferences(n, none, none, none, none, False, 1.0), 0.03, "tango")
    assert (np.diff(p[:99]) <= 1e-12).all()
    assert p[28] == pytest.approx(0.97**29)
    assert p[98] == pytest.approx(0.97**99)
    assert (np.diff(p[99:]) <= 1e-12).all()


def test_effective_counts_are_rounded_against_the_claim():
    n, worse, better = np.array([20.7]), np.array([1.2]), np.array([2.9])
    assert unconditional_p_value(n, worse, better, 0.3)[0] == table_p_values(20, 0.3)[2, 2]
    assert unconditional_p_value(np.array([0.4]), np.zeros(1), np.zeros(1), 0.3)[0] == 1


@pytest.mark.parametrize("n", [40, 800])
def test_a_loss_of_just_the_margin_is_rarely_called_larger(n):
    margin, size = 0.05, 20_000
    worse, better, _ = np.random.default_rng(0).multinomial(n, [0.15, 0.10, 0.75], size=size).T.astype(float)
    d = PairedDifferences(
        np.full(size, float(n)), (better - worse) / n, np.ones(size), worse, better, False, 1.0
    )
    error = (harm_p_value(d, margin) < 0.05).mean()
    assert 0.02 <= error <= 0.055
    assert (harm_p_value(d, margin) >= harm_p_value(d) - 0.02).all()
