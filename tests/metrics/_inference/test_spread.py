"""Bounds of the change of a spread of risks cover, also at ties, where the bootstrap does not."""

import numpy as np
import pytest

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._inference._proportions import rate_lower_bound, rate_upper_bound
from fairlearn_fwh.metrics._inference._spread import spread_bounds, spread_change_bound

from ..samples import random_sample


def part(shares, n):
    size = np.full(len(shares), float(n))

    def bounds(sign, alpha):
        return (rate_lower_bound if sign < 0 else rate_upper_bound)(size, shares, alpha)

    return shares, bounds


@pytest.mark.long(but_every=3)
@pytest.mark.simulation
@pytest.mark.parametrize(("n_groups", "n"), [(2, 200), (6, 1000), (20, 200)])
def test_a_mitigator_that_removes_the_gap_is_covered(n_groups, n):
    """The pooled classifier has a gap of .1, the own one none: percentiles of a bootstrap cover in .23 to .88."""
    rng = np.random.default_rng(0)
    pooled = np.linspace(0.2, 0.3, n_groups)
    covered = []
    for _ in range(60):
        own_share = rng.binomial(n, 0.25, n_groups) / n
        pooled_share = rng.binomial(n, pooled) / n
        low, high = (
            spread_change_bound(part(own_share, n), part(pooled_share, n), q) for q in (0.025, 0.975)
        )
        covered.append(low <= -0.1 <= high)
    assert np.mean(covered) >= 0.93


def test_one_group_has_no_spread_and_many_groups_have_wider_bounds():
    assert spread_bounds(*part(np.array([0.3]), 100), 0.05) == (0.0, 0.0)
    shares = np.linspace(0.1, 0.4, 101)
    few, many = (spread_bounds(*part(shares[:k], 400), 0.05) for k in (100, 101))
    assert many[0] <= few[0]
    assert many[1] >= few[1]
    assert few[0] <= 0.3 <= few[1]


def test_the_frame_has_bounds_of_the_change_without_a_bootstrap():
    y, pooled, by_group, groups = random_sample(n=3000)
    frame = PreferenceFrame(y_true=y, y_pred=by_group[:, 0], y_pred_pooled=pooled, sensitive_features=groups)
    low, high = (frame.overall_ci[q]["disparity_change"] for q in (0.025, 0.975))
    assert low <= frame.overall["disparity_change"] <= high
    table = frame.to_frame().set_index("figure")
    assert table.loc["disparity_change", "method"] == "simultaneous"
