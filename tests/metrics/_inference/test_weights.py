"""Weighted people: certificates keep their level, and few heavy people are few people."""

import numpy as np
import pytest

from benchmarks.validity import weighted_groups
from fairlearn_fwh.audit import verdict
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._inference._tests import effective_counts, effective_size


def frame(weights, loses, gains):
    return PreferenceFrame(
        y_true=np.zeros(len(loses), dtype=int), y_pred=loses, y_pred_pooled=gains, sample_weight=weights
    )


def sample(n_heavy, weight):
    weights, heavy = np.ones(1000), np.zeros(1000, dtype=int)
    weights[:n_heavy], heavy[:n_heavy] = weight, 1
    return weights, heavy, np.zeros(1000, dtype=int)


@pytest.mark.parametrize(("n_heavy", "weight", "least"), [(3, 1000, 0.125), (1, 9000, 0.5)])
def test_few_heavy_people_prove_nothing(n_heavy, weight, least):
    weights, heavy, nobody = sample(n_heavy, weight)
    assert frame(weights, heavy, nobody).harm_tests()["p_value"].item() >= least - 1e-9
    row = frame(weights, nobody, heavy).certify(tolerance=0.01).iloc[0]
    assert not row["certified"]
    assert row["method"] == "none: few people have most of the weight"
    assert row["lower_bound"] == -np.inf
    assert "of whom few have most of the weight" in verdict(frame(weights, nobody, heavy))


def test_equal_weights_are_no_weights():
    rng = np.random.default_rng(0)
    loses, gains = (rng.random((2, 400)) < 0.1).astype(int)
    for settings in ({"tolerance": 0.0}, {"tolerance": 0.05}):
        weighted = frame(np.full(400, 3.0), loses, gains).certify(**settings)
        plain = frame(None, loses, gains).certify(**settings)
        assert weighted["p_value"].item() == pytest.approx(plain["p_value"].item())


def test_the_effective_size_is_never_above_kishs():
    light = effective_size(np.array([0.1]), np.array([1e-9]), np.array([50.0]))
    assert light.tolist() == [50.0]
    size, worse, better = effective_counts(
        np.array([0.02]), np.array([0.0]), np.array([1e-9]), np.array([50.0]), np.array([0.5])
    )
    assert worse + better == pytest.approx(0.5)
    assert size == pytest.approx(25.0)


@pytest.mark.simulation
@pytest.mark.parametrize("weights", ["lognormal 0.5", "lognormal 1", "lognormal 1.5", "5 % weigh 20"])
@pytest.mark.parametrize(("n", "discordance"), [(100, 0.06), (500, 0.06), (500, 0.15)])
def test_a_loss_of_just_the_tolerance_is_rarely_certified(n, discordance, weights):
    """Nominal 5 %; ``python -m benchmarks.validity`` has more samples."""
    error = weighted_groups(n, discordance, weights, loss=0.05, runs=600).certify(
        tolerance=0.05, correction=None
    )
    assert error["certified"].mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


def test_one_person_with_most_of_the_weight_is_refused():
    weights = np.ones(500)
    weights[0] = 1e5
    frame = PreferenceFrame(
        y_true=[1, 0] * 250, y_pred=[1, 1] * 250, y_pred_pooled=[1, 0] * 250, sample_weight=weights
    )
    assert frame.by_group["n"].item() == 500
    for test in (
        lambda: frame.certify(tolerance=0.1),
        lambda: frame.violations(alpha=0.05),
        lambda: frame.power(0.1),
    ):
        with pytest.raises(ValueError, match="sample_weight makes 500 rows count like 1.01"):
            test()
