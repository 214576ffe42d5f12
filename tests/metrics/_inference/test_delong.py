"""DeLong's comparison against its definition, scikit-learn and simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from fairlearn_fwh.metrics._inference._delong import compare_auc


def sample(rng, n=60, ties=False):
    y = rng.random(n) < 0.4
    own, other = (y + rng.standard_normal(n) * s for s in (1.0, 1.5))
    return (y, own.round(), other.round()) if ties else (y, own, other)


@pytest.mark.parametrize("ties", [False, True])
def test_areas_and_variance_follow_the_definition(rng, ties):
    y, own, other = sample(rng, ties=ties)
    result = compare_auc(y, own, other)
    assert result.own == pytest.approx(roc_auc_score(y, own))
    assert result.other == pytest.approx(roc_auc_score(y, other))
    kernels = []
    for scores in (own, other):
        difference = scores[y][:, None] - scores[~y][None, :]
        kernels.append((difference > 0) + 0.5 * (difference == 0))
    difference = kernels[0] - kernels[1]
    expected = (
        difference.mean(axis=1).var(ddof=1) / y.sum() + difference.mean(axis=0).var(ddof=1) / (~y).sum()
    )
    assert result.variance == pytest.approx(expected)
    assert result.n_rarer == min(y.sum(), (~y).sum())


def test_one_class_has_no_area(rng):
    result = compare_auc(np.ones(5, dtype=bool), rng.random(5), rng.random(5))
    assert np.isnan(result.own)
    assert result.n_rarer == 0
    single = compare_auc(np.array([True, False, False]), rng.random(3), rng.random(3))
    assert np.isnan(single.variance)
    assert not np.isnan(single.own)


def test_equal_scores_do_not_vary(rng):
    y, own, _ = sample(rng)
    assert compare_auc(y, own, own).variance == 0


@pytest.mark.simulation
def test_the_test_keeps_its_level_by_simulation(rng):
    rejected = 0
    for _ in itertools.repeat(None, 1500):
        y = rng.random(120) < 0.3
        own, other = (y + 1.2 * rng.standard_normal(120) for _ in range(2))
        result = compare_auc(y, own, other)
        t = (result.own - result.other) / np.sqrt(result.variance)
        rejected += stats.t.sf(t, result.n_rarer - 1) < 0.05
    assert rejected / 1500 < 0.065
