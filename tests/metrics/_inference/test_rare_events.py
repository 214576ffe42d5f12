"""Rare events and heavy people: what a sample may not show is neither certified nor called harm."""

import numpy as np
import pytest
from scipy import stats

from fairlearn_fwh.metrics import CalibrationFrame, PreferenceFrame, RankingFrame, find_harmed_subgroup
from fairlearn_fwh.metrics._inference._rare_events import (
    few_events_p_value,
    heavy_bound,
    heavy_p_value,
    of_uneven,
)
from fairlearn_fwh.metrics._inference._tests import PairedDifferences, certificate_p_value, gain_lower_bound

SAMPLES = 300  # each is a group of one frame, and a test of its own


def groups(n):
    return np.repeat(np.arange(SAMPLES), n)


def frame_of(worse, better, n, **more):
    """People of whom some lose and others gain."""
    return PreferenceFrame(
        y_true=np.zeros(len(worse), int), y_pred=worse.astype(int), y_pred_pooled=better.astype(int), labels=[0, 1],
        sensitive_features=groups(n) if np.isscalar(n) else n, **more,
    )  # fmt: skip


def is_rare(found):
    """At most 5 % of the samples, but for the error of the simulation."""
    return stats.binomtest(int(np.sum(found)), SAMPLES, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.simulation
@pytest.mark.parametrize("more", ["units", "sample_weight"])
def test_a_large_loss_that_is_rare_is_not_certified_away(more):
    rng = np.random.default_rng(0)
    n, rate = 500, 0.001
    y = (rng.random(SAMPLES * n) < rate).astype(int)
    frame = PreferenceFrame(
        y_true=y, y_pred=np.zeros(len(y)), y_pred_pooled=1.8 * rate + rng.uniform(-1e-6, 1e-6, len(y)), loss="brier",
        sensitive_features=groups(n), **{more: np.arange(len(y)) if more == "units" else rng.choice([0.99, 1.01], len(y))},
    )  # fmt: skip
    assert is_rare(frame.certify(tolerance=0, correction=None)["certified"])


@pytest.mark.simulation
def test_few_large_units_that_lose_may_be_missing():
    rng = np.random.default_rng(0)
    n = 160
    big = rng.random(SAMPLES * n) < 0.05
    lose = big & (rng.random(SAMPLES * n) < 0.1)
    units = np.repeat(np.arange(SAMPLES * n), np.where(big, 4, 1))
    frame = frame_of(lose[units], np.zeros(len(units)), groups(n)[units], units=units)
    assert is_rare(frame.certify(tolerance=0.0173, correction=None)["certified"])
    assert (frame.gain_intervals()["lower"] <= -0.0174).mean() > 0.95


@pytest.mark.simulation
@pytest.mark.parametrize("more", ["units", "sample_weight"])
def test_few_heavy_people_who_gain_may_be_missing(more):
    rng = np.random.default_rng(0)
    n = 1000
    big, x = rng.random(SAMPLES * n) < 0.005, rng.random(SAMPLES * n)
    worse, better = ~big & (x < 0.0161), big & (x < 0.1602)  # gain 0 on average
    if more == "units":
        rows = np.repeat(np.arange(SAMPLES * n), np.where(big, 20, 1))
        frame = frame_of(worse[rows], better[rows], groups(n)[rows], units=rows)
    else:
        frame = frame_of(worse, better, n, sample_weight=np.where(big, 20.0, 1.0))
    assert is_rare(frame.harm_tests(correction=None)["p_value"] < 0.05)
    assert is_rare(frame.gain_intervals()["upper"] < 0)


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("n", "margin", "better"), [(300, 0.01, 0.0017), (150, 0.02, 0.0), (1000, 0.008, 0.0005)]
)
def test_a_loss_of_just_the_margin_is_rarely_called_larger_where_events_are_few(n, margin, better):
    lost = np.random.default_rng(0).multinomial(
        n, [margin + better, better, 1 - margin - 2 * better], size=SAMPLES
    )
    person = np.tile(np.arange(n), SAMPLES)
    n_worse, n_better = (np.repeat(lost[:, i], n) for i in (0, 1))
    frame = frame_of(person < n_worse, (person >= n_worse) & (person < n_worse + n_better), n)
    assert is_rare(frame.harm_tests(correction=None, margin=margin)["p_value"] < 0.05)


def test_who_is_worse_by_more_than_a_margin_is_worse():
    worse = np.arange(1000) < 3
    frame = PreferenceFrame(
        y_true=np.zeros(1000, int), y_pred=worse.astype(int), y_pred_pooled=np.zeros(1000, int), labels=[0, 1]
    )
    p_values = [frame.harm_tests(margin=margin)["p_value"].item() for margin in (0, 1e-9, 1e-4, 1e-3)]
    assert p_values[0] == 0.125
    assert p_values == sorted(p_values)


@pytest.mark.parametrize("weight", [1.0, 2.0, 1e-9])
def test_weights_that_are_all_the_same_change_nothing(weight):
    rng = np.random.default_rng(0)
    sizes = [2000, *[4] * 20]
    labels = np.repeat(np.arange(21), sizes)
    worse, better = rng.random(len(labels)) < 0.02, rng.random(len(labels)) < 0.005
    better &= ~worse
    plain, weighted = (
        frame_of(worse, better, labels, **more)
        for more in ({}, {"sample_weight": np.full(len(labels), weight)})
    )
    for tests in (PreferenceFrame.harm_tests, lambda frame: frame.certify(tolerance=0.01)):
        mine, theirs = tests(plain), tests(weighted)
        np.testing.assert_allclose(mine["p_adjusted"], theirs["p_adjusted"], rtol=1e-9)


def test_frames_with_and_without_weights_know_the_heaviest_of_both():
    worse, better, group = np.arange(200) < 8, np.zeros(200, bool), np.zeros(200, int)
    plain, light = (
        frame_of(worse, better, group),
        frame_of(worse, better, group, sample_weight=np.full(200, 0.1)),
    )
    both = frame_of(
        np.tile(worse, 2), np.tile(better, 2), np.tile(group, 2), sample_weight=np.repeat([1.0, 0.1], 200)
    )
    for added in (plain + light, light + plain):
        np.testing.assert_allclose(added.gain_intervals()["lower"], both.gain_intervals()["lower"])
        np.testing.assert_allclose(
            added.certify(tolerance=0.1)["p_value"], both.certify(tolerance=0.1)["p_value"]
        )


@pytest.mark.simulation
def test_large_units_may_be_missing_where_people_are_ranked():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        sizes = np.where(rng.random(400) < 0.02, 10, 1)
        units = np.repeat(np.arange(400), sizes)
        y = rng.random(400)[units] < 0.5
        old = y + rng.normal(0, 1, len(units))
        last = (sizes == 10) & (rng.random(400) < 0.15)
        new = np.where(last[units] & y, old.min() - 1, old)
        found.append(
            RankingFrame(y_true=y.astype(int), score=new, score_pooled=old, units=units)
            .certify(tolerance=0.02)["certified"]
            .item()
        )
    assert np.mean(found) < 0.15  # the true loss is .0204; by the units that were seen alone 57 %


@pytest.mark.long
@pytest.mark.simulation
def test_large_units_may_be_missing_where_calibration_is_measured():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        sizes = np.where(rng.random(1000) < 0.0025, 200, 1)
        units = np.repeat(np.arange(1000), sizes)
        risk = np.where(sizes == 200, 0.15, 0.05)[units]
        y = (rng.random(1000)[units] < risk).astype(int)
        mean = (1 * 0.05 * 0.9975 + 200 * 0.15 * 0.0025) / (0.9975 + 0.5)
        frame = CalibrationFrame(
            y_true=y,
            y_prob=np.full(len(y), mean),
            y_prob_pooled=np.full(len(y), mean + 0.001),
            units=units,
        )
        found.append(len(frame.violations(measure="in_the_large")) > 0)
    assert np.mean(found) < 0.15


@pytest.mark.simulation
def test_large_units_may_be_missing_from_a_subgroup():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(20):
        big, x = rng.random(1000) < 0.005, rng.random(1000)
        rows = np.repeat(np.arange(1000), np.where(big, 20, 1))
        worse, better = (~big & (x < 0.0161))[rows], (big & (x < 0.1602))[rows]
        found.append(find_harmed_subgroup(
            {"age": rng.random(1000)[rows]}, np.zeros(len(rows), int), worse.astype(int), y_pred_pooled=better.astype(int), units=rows, random_state=seed,
        )["harmed"].any())  # fmt: skip
    assert np.mean(found) <= 0.2


def test_the_p_value_is_the_bound_turned_round():
    heavy, alpha = np.array([50.0, 400.0, np.inf]), np.array([0.05, 0.01, 0.2])
    gain, error, df = np.full(3, 0.02), np.full(3, 0.01), np.full(3, 80.0)
    for i in range(3):
        one = [a[[i]] for a in (gain, error, df, heavy)]
        bound = heavy_bound(*one, alpha[[i]])
        assert heavy_p_value(*one, -float(bound[0])) == pytest.approx(alpha[i], rel=1e-6)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001, 0.0001])
def test_bounds_of_heavy_people_are_never_above_exact_ones(alpha):
    """Of a number of events of one size, by which all losses are made."""
    k = np.arange(200.0)
    bound = heavy_bound(-k, np.sqrt(k), np.full(200, 1e9), np.ones(200), np.full(200, alpha))
    assert (bound <= -stats.chi2.isf(alpha, 2 * (k + 1)) / 2 + 1e-9).all()


def test_people_of_one_weight_are_not_heavy():
    np.testing.assert_array_equal(
        of_uneven(np.array([100.0, 50.0]), np.array([100.0, 100.0])), [np.inf, 50.0]
    )


def test_few_events_change_nothing_that_is_not_small():
    p_values = np.array([0.5, 0.04])
    n, worse, better = np.array([300.0, 300.0]), np.array([3.0, 6.0]), np.zeros(2)
    corrected = few_events_p_value(n, better, worse, -0.01, p_values)
    assert corrected[0] == 0.5
    assert corrected[1] == pytest.approx(stats.poisson.sf(5, 3), rel=1e-3)


@pytest.mark.parametrize("alpha", [0.2, 0.1, 0.05, 0.01])
@pytest.mark.parametrize("n", [30, 100, 1000])
def test_where_nothing_happens_no_loss_is_ruled_out_that_nobody_would_have_shown(n, alpha):
    """Certificates and bounds of people about whom the classifiers do not differ: nobody loses in a share (1 - d)^n of samples, at most exp(-n d)."""
    nobody = frame_of(np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, int))
    largest = max(-np.log(alpha), stats.norm.isf(alpha) ** 2) / n
    assert not nobody.certify(tolerance=0.98 * (1 - alpha ** (1 / n)), alpha=alpha)["certified"].item()
    assert nobody.certify(tolerance=1.001 * largest, alpha=alpha)["certified"].item()
    bounds = nobody.gain_intervals(alpha=2 * alpha).iloc[0]
    assert bounds["upper"] == -bounds["lower"]
    assert 1 - alpha ** (1 / n) <= bounds["upper"] <= 1.35 * largest  # Clopper and Pearson below 30 people


@pytest.mark.parametrize("alpha", [0.2, 0.1, 0.05, 0.01])
@pytest.mark.parametrize(("losing", "gaining"), [(1, 0), (1, 0.5), (2.4, 0), (3, 3), (8, 2), (20, 20)])
def test_certificates_have_their_level_where_events_are_few(alpha, losing, gaining):
    """Computed, not simulated: 200 people of whom so many lose more than gain, and so many gain, on average."""
    n, tolerance = 200, losing / 200
    worse, better = (a.ravel() for a in np.meshgrid(np.arange(100.0), np.arange(100.0)))
    shares = np.array([tolerance + gaining / n, gaining / n])
    rates = [*shares, 1 - shares.sum()]
    probability = stats.multinomial.pmf(np.column_stack([worse, better, n - worse - better]), n, rates)
    variance = ((worse + better) / n - ((better - worse) / n) ** 2) / n
    everybody = PairedDifferences(
        np.full(len(worse), float(n)),
        (better - worse) / n,
        variance,
        worse,
        better,
        weighted=False,
        upper=1.0,
    )
    likely = probability > 1e-12
    assert probability[certificate_p_value(everybody, tolerance, "tango") < alpha].sum() <= alpha + 1e-9
    assert probability[likely].sum() == pytest.approx(1, abs=1e-6)
    missed = gain_lower_bound(everybody, np.full(len(worse), alpha), "tango") > -tolerance
    assert probability[missed].sum() <= alpha + 1e-9
