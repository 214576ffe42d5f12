"""Intervals of every entry: that they contain it, that they cover the truth, and what they are where nothing is known."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame, rationality_gain
from fairlearn_fwh.metrics._inference._proportions import rate_lower_bound, rate_upper_bound

from ..samples import frame_of_flips, random_sample

pytestmark = pytest.mark.simulation

seeds = st.integers(0, 2**32 - 1)
COUNTS = {"n", "n_violations"}


def frame_of(sample, **more):
    y, pooled, by_group, groups = sample
    return PreferenceFrame(y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups, **more)


# --- what every interval has in common ------------------------------------------------------------------------------


@pytest.mark.long
@given(seeds, st.integers(1, 4), st.booleans(), st.sampled_from([None, 2]))
@settings(max_examples=25, deadline=None)
def test_every_entry_lies_in_its_interval_and_counts_have_none(seed, n_groups, weighted, n_controls):
    rng = np.random.default_rng(seed)
    frame = frame_of(
        random_sample(seed, 300, n_groups),
        sample_weight=rng.random(300) + 0.1 if weighted else None,
        control_features=None if n_controls is None else rng.integers(0, n_controls, 300),
    )
    table = frame.to_frame()
    known = table[table["lower"].notna()]
    assert (known["lower"] <= known["value"] + 1e-12).all()
    assert (known["value"] <= known["upper"] + 1e-12).all()
    assert table.loc[table["figure"].isin(COUNTS), ["lower", "upper"]].isna().all(axis=None)
    without = table[table["lower"].isna() & table["value"].notna() & ~table["figure"].isin(COUNTS)]
    assert without.empty


@pytest.mark.long
@given(seeds, st.sampled_from(["brier", "log", "squared", "absolute"]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_intervals_of_real_valued_losses_contain_the_entry(seed, loss, weighted):
    rng = np.random.default_rng(seed)
    frame = PreferenceFrame(
        y_true=rng.integers(0, 2, 200),
        y_pred=rng.random(200),
        y_pred_pooled=rng.random(200),
        sensitive_features=rng.integers(0, 3, 200),
        loss=loss,
        sample_weight=rng.random(200) + 0.1 if weighted else None,
    )
    table = frame.to_frame()
    known = table[table["lower"].notna()]
    assert ((known["lower"] <= known["value"]) & (known["value"] <= known["upper"])).all()
    assert set(table.loc[table["figure"] == "risk", "method"]) == {"t"}
    assert (table.loc[table["figure"] == "risk", "lower"] >= 0).all()
    assert table.loc[table["figure"] == "accuracy", "value"].isna().all()


def test_a_large_loss_that_both_classifiers_share_leaves_the_variance(rng):
    y = np.zeros(500)
    noise = rng.normal(0, 1e-4, (2, 500))
    frame = PreferenceFrame(y_true=y, y_pred=1e7 + noise[0], y_pred_pooled=1e7 + noise[1], loss="absolute")
    difference = noise[1] - noise[0]
    error = stats.t.ppf(0.975, 499) * difference.std(ddof=1) / np.sqrt(500)
    # Sums of losses of 1e7 have a rounding error of their own, 2e-6 of a mean.
    bound = frame.by_group_ci[0.025]["rationality_gain"].item()
    assert bound == pytest.approx(difference.mean() - error, abs=4e-6)


def test_bounds_move_out_with_the_quantile():
    frame = frame_of(
        random_sample(), ci_quantiles=(0.005, 0.05, 0.4, 0.6, 0.95, 0.995), n_boot=200, random_state=0
    )
    for tables in (frame.overall_ci, frame.by_group_ci, frame.risk_matrix_ci, frame.envy_matrix_ci):
        values = [np.asarray(tables[q], dtype=float) for q in sorted(tables)]
        for lower, upper in zip(values[:-1], values[1:], strict=True):
            assert ((lower <= upper + 1e-12) | np.isnan(lower)).all()


def test_tables_of_bounds_have_the_shape_of_what_they_bound():
    frame = frame_of(random_sample(), n_boot=20, random_state=0)
    for q in (0.025, 0.975):
        pd.testing.assert_index_equal(frame.overall_ci[q].index, frame.overall.index)
        pd.testing.assert_index_equal(frame.by_group_ci[q].index, frame.by_group.index)
        assert [*frame.by_group_ci[q]] == [c for c in frame.by_group if c != "most_envied"]
        assert frame.risk_matrix_ci[q].shape == frame.risk_matrix.shape
        assert frame.envy_matrix_ci[q].shape == frame.envy_matrix.shape


def test_what_is_identical_by_construction_needs_no_estimate():
    y = np.array([0, 1] * 30)
    groups = np.repeat(["a", "b"], 30)
    by_group = {"a": np.zeros(60, dtype=int), "b": np.zeros(60, dtype=int)}
    frame = PreferenceFrame(
        y_true=y,
        y_pred_pooled=by_group["a"],
        y_pred_by_group=by_group,
        groups=groups,
        pooled_groups=["a", "b"],
    )
    for q in (0.025, 0.975):
        assert (frame.by_group_ci[q][["rationality_gain", "envy_gain"]] == 0).all(axis=None)
        assert (frame.envy_matrix_ci[q] == 0).all(axis=None)
        assert frame.overall_ci[q][["rationality_gain", "min_gain", "max_gain", "envy_margin"]].eq(0).all()


def test_an_empty_group_has_no_interval_and_spoils_none():
    frame = PreferenceFrame(
        y_true=[0, 1] * 50,
        y_pred_pooled=[0, 0] * 50,
        y_pred_by_group={"a": [0, 1] * 50, "b": [1, 1] * 50, "empty": [0, 0] * 50},
        groups=["a"] * 60 + ["b"] * 40,
    )
    assert frame.risk_matrix_ci[0.025].loc["empty"].isna().all()
    assert frame.envy_matrix_ci[0.025].loc["empty"].isna().all()
    assert np.isfinite(frame.overall_ci[0.025][["min_gain", "max_gain", "envy_margin"]]).all()


@pytest.mark.parametrize("quantiles", [(), (0.0, 0.5), (0.5, 1.0), ("0.1",), 2.0])
def test_bad_quantiles_are_refused(quantiles):
    with pytest.raises(ValueError, match="ci_quantiles must be numbers between 0 and 1"):
        frame_of(random_sample(), ci_quantiles=quantiles)


# --- rates ----------------------------------------------------------------------------------------------------------


def test_with_few_cases_a_rate_has_clopper_and_pearsons_bounds():
    for n, x in ((50, 0), (50, 1), (50, 2), (1000, 3), (40, 40), (10, 9)):
        exact = stats.binomtest(x, n).proportion_ci(0.95, method="exact")
        assert rate_lower_bound(n, x / n, 0.025) == pytest.approx(exact.low, abs=1e-9)
        assert rate_upper_bound(n, x / n, 0.025) == pytest.approx(exact.high, abs=1e-9)


def test_with_more_cases_the_mid_p_tail_at_the_bound_is_alpha():
    for n, x in ((50, 10), (200, 100), (5000, 60)):
        upper, lower = rate_upper_bound(n, x / n, 0.05), rate_lower_bound(n, x / n, 0.05)
        assert stats.binom.cdf(x, n, upper) - stats.binom.pmf(x, n, upper) / 2 == pytest.approx(
            0.05, abs=1e-6
        )
        assert stats.binom.sf(x, n, lower) + stats.binom.pmf(x, n, lower) / 2 == pytest.approx(0.05, abs=1e-6)


def test_rates_of_nobody_are_unknown():
    assert np.isnan(rate_upper_bound(0, np.nan, 0.05))
    assert np.isnan(rate_lower_bound(0, np.nan, 0.05))


@pytest.mark.parametrize("n", [50, 75, 100, 150, 300, 1000])
def test_bounds_of_rates_cover_exactly_computed(n):
    x = np.arange(n + 1)
    for alpha, sides in ((0.05, "l"), (0.05, "u"), (0.025, "lu")):
        low = rate_lower_bound(n, x / n, alpha) if "l" in sides else np.zeros(n + 1)
        high = rate_upper_bound(n, x / n, alpha) if "u" in sides else np.ones(n + 1)
        for p in np.linspace(0.05, 0.5, 46):
            coverage = stats.binom.pmf(x, n, p)[(low <= p) & (p <= high)].sum()
            assert coverage >= 0.93, (n, p, sides)
            if n * p * (1 - p) >= 10:
                assert 0.9345 <= coverage <= 0.97, (n, p, sides)


# --- coverage by simulation, through the frame ------------------------------------------------------------------------

CASES = [
    (n, risk, discordance)
    for n in (50, 100, 300, 5000)
    for risk in (0.05, 0.1, 0.2, 0.35, 0.5)
    for discordance in (0.02, 0.05, 0.1, 0.2, 0.3)
    if discordance <= 2 * risk
]


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize("n", sorted({case[0] for case in CASES}))
def test_intervals_cover_in_simulations(n):
    rng = np.random.default_rng(n)
    for _, risk, discordance in (case for case in CASES if case[0] == n):
        half = discordance / 2
        worse, better, both, _ = rng.multinomial(
            n, [half, half, risk - half, 1 - risk - half], size=1000
        ).T  # fmt: skip
        frame = frame_of_flips(np.full(1000, n), worse, better, both)
        tables = frame.by_group_ci
        for figure, truth, informative in (
            ("rationality_gain", 0.0, n * discordance >= 5),
            ("risk", risk, n * risk * (1 - risk) >= 10),
            ("pooled_risk", risk, n * risk * (1 - risk) >= 10),
        ):
            low95, high95 = tables[0.05][figure] <= truth, tables[0.95][figure] >= truth
            two_sided = (tables[0.025][figure] <= truth) & (tables[0.975][figure] >= truth)
            for covered in (low95, high95, two_sided):
                # Four standard errors of 1,000 replicates: 0.028 at 0.95.
                slack = 4 * np.sqrt(0.95 * 0.05 / 1000)
                assert covered.mean() >= 0.93 - slack
                if informative:
                    assert 0.935 - slack <= covered.mean() <= 0.97 + slack


@pytest.mark.long
def test_coverage_is_as_promised_where_simulated_precisely():
    """The same with 100,000 replicates at the hardest corners, without slack."""
    rng = np.random.default_rng(0)
    for n, risk, discordance in (
        (50, 0.2, 0.1),
        (50, 0.05, 0.1),
        (100, 0.2, 0.05),
        (250, 0.05, 0.02),
        (1000, 0.5, 0.3),
    ):
        half = discordance / 2
        draws = rng.multinomial(n, [half, half, risk - half, 1 - risk - half], size=100_000)
        kinds, times = np.unique(draws[:, :3], axis=0, return_counts=True)
        frame = frame_of_flips(np.full(len(kinds), n), *kinds.T)
        share = times / times.sum()
        tables = frame.by_group_ci
        for figure, truth, informative in (
            ("rationality_gain", 0.0, n * discordance >= 5),
            ("risk", risk, n * risk * (1 - risk) >= 10),
        ):
            one_sided = ((tables[0.05][figure] <= truth) * share).sum()
            two_sided = (((tables[0.025][figure] <= truth) & (tables[0.975][figure] >= truth)) * share).sum()
            for coverage in (one_sided, two_sided):
                assert coverage >= 0.93
                assert not informative or 0.935 <= coverage <= 0.97, (n, risk, discordance, figure, coverage)


def test_exact_bounds_cover_at_least_as_often_as_they_say():
    rng = np.random.default_rng(1)
    for n, risk, discordance in ((50, 0.05, 0.1), (200, 0.2, 0.1), (1000, 0.5, 0.3)):
        half = discordance / 2
        worse, better, both, _ = rng.multinomial(n, [half, half, risk - half, 1 - risk - half], size=4000).T
        frame = frame_of_flips(np.full(4000, n), worse, better, both)
        bounds = frame.certify(tolerance=0.05, method="exact", correction=None)["lower_bound"]
        assert (bounds <= 0).mean() >= 0.95


@pytest.mark.long
def test_the_smallest_gain_is_covered_by_its_simultaneous_bounds():
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(60):
        worse, better, both, _ = rng.multinomial(300, [0.1, 0.1, 0.2, 0.6], size=10).T
        overall = frame_of_flips(
            np.full(10, 300), worse, better, both, ci_quantiles=(0.025, 0.975)
        ).overall_ci
        covered.append(overall[0.025]["min_gain"] <= 0 <= overall[0.975]["min_gain"])
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.long(but_every=2)
@pytest.mark.parametrize("correction", ["holm", "bonferroni"])
def test_family_wise_error_of_certificates_and_violations_with_20_groups(correction):
    rng = np.random.default_rng(3)
    n_frames, alpha, tolerance = 60, 0.05, 0.05
    false_certificates = false_violations = 0
    for _ in range(n_frames):
        # Certificates: every group loses exactly the tolerance. Violations: nobody loses anything.
        worse, better, both, _ = rng.multinomial(400, [0.1, 0.05, 0.2, 0.65], size=20).T
        frame = frame_of_flips(np.full(20, 400), worse, better, both)
        false_certificates += frame.certify(tolerance=tolerance, alpha=alpha, correction=correction)[
            "certified"
        ].any()
        worse, better, both, _ = rng.multinomial(400, [0.1, 0.1, 0.2, 0.6], size=20).T
        frame = frame_of_flips(np.full(20, 400), worse, better, both)
        false_violations += len(frame.violations(alpha=alpha, correction=correction)) > 0
    for errors in (false_certificates, false_violations):
        assert stats.binomtest(int(errors), n_frames, alpha, alternative="greater").pvalue > 0.01


# --- bootstrap --------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_bootstrap_has_metric_frames_distribution(rng):
    n = 400
    y, own, pooled = rng.integers(0, 2, (3, n))
    groups = rng.choice(["a", "b", "c"], n, p=[0.5, 0.4, 0.1])
    ours = PreferenceFrame(
        y_true=y, y_pred=own, y_pred_pooled=pooled, sensitive_features=groups,
        n_boot=2000, random_state=0, stratify=False,
    ).replicates("rationality_gain")  # fmt: skip
    # MetricFrame keeps no replicates: its quantiles are those of the distribution that it has drawn.
    quantiles = [0.1, 0.25, 0.5, 0.75, 0.9]
    theirs = MetricFrame(
        metrics=rationality_gain, y_true=y, y_pred=own, sensitive_features=groups,
        sample_params={"y_pred_pooled": pooled}, n_boot=200, ci_quantiles=quantiles, random_state=0,
    ).by_group_ci  # fmt: skip
    for q, table in zip(quantiles, theirs, strict=True):
        for group in ("a", "b", "c"):
            # Two-sample test: the share of our replicates below their quantile is q but for the noise of 200 of theirs.
            below = ((ours[group] < table[group]).mean() + (ours[group] <= table[group]).mean()) / 2
            assert abs(below - q) < 4 * np.sqrt(q * (1 - q) * (1 / 200 + 1 / 2000)) + 0.01


def test_the_bootstrap_is_that_of_rows(rng):
    """Kolmogorov and Smirnov's two-sample test against rows drawn with replacement."""
    n = 300
    y, own, pooled = rng.integers(0, 2, (3, n))
    groups = rng.integers(0, 3, n)
    frame = PreferenceFrame(
        y_true=y,
        y_pred=own,
        y_pred_pooled=pooled,
        sensitive_features=groups,
        n_boot=2000,
        random_state=1,
        stratify=False,
    )
    rows = rng.integers(0, n, (2000, n))
    difference = ((pooled != y).astype(int) - (own != y))[rows]
    for group in range(3):
        mine = groups[rows] == group
        theirs = (difference * mine).sum(axis=1) / mine.sum(axis=1)
        jitter = rng.normal(0, 1e-3, (2, 2000))  # ties
        ours = frame.replicates("rationality_gain")[group]
        assert stats.ks_2samp(ours + jitter[0], theirs + jitter[1]).pvalue > 0.01


@pytest.mark.parametrize("loss", ["zero_one", "brier"])
@pytest.mark.parametrize("weighted", [False, True])
def test_replicates_vary_as_the_linearised_variance_says(loss, weighted, rng):
    n = 600
    y = rng.integers(0, 2, n)
    predictions = rng.random((2, n))
    own, pooled = predictions if loss == "brier" else (predictions > 0.4).astype(int)
    frame = PreferenceFrame(
        y_true=y, y_pred=own, y_pred_pooled=pooled, sensitive_features=rng.integers(0, 2, n), loss=loss,
        sample_weight=rng.exponential(size=n) if weighted else None, n_boot=3000, random_state=0,
    )  # fmt: skip
    spread = frame._measured.levels.audit.gain_variance()[:, 1] ** 0.5
    assert frame.replicates("rationality_gain").std().to_numpy() == pytest.approx(spread, rel=0.06)
    assert frame.replicates("rationality_gain").mean().to_numpy() == pytest.approx(
        frame.by_group["rationality_gain"].to_numpy(), abs=4 * spread.max() / np.sqrt(3000) + 2e-3
    )


def test_a_small_group_never_vanishes_from_stratified_replicates():
    y = np.zeros(1000, dtype=int)
    groups = np.array(["small"] * 3 + ["large"] * 997)
    own = np.arange(1000) % 2
    sample = {
        "y_true": y,
        "y_pred": own,
        "y_pred_pooled": y,
        "sensitive_features": groups,
        "n_boot": 500,
        "random_state": 0,
    }
    assert PreferenceFrame(**sample).replicates("risk")["small"].notna().all()
    assert PreferenceFrame(**sample, stratify=False).replicates("risk")["small"].isna().any()


def test_one_seed_gives_one_bootstrap_and_global_seeds_are_left_alone():
    before = np.random.get_state()[1].copy()
    first, second, other = (
        frame_of(random_sample(), n_boot=50, random_state=seed).replicates("risk") for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)
    assert (np.random.get_state()[1] == before).all()


def test_replicates_need_a_bootstrap_and_a_known_figure():
    with pytest.raises(ValueError, match="replicates need n_boot"):
        frame_of(random_sample()).replicates("risk")
    frame = frame_of(random_sample(), n_boot=5)
    with pytest.raises(ValueError, match="figure must be one of"):
        frame.replicates("accuracies")
    with pytest.raises(ValueError, match="table must be 'by_group' or 'overall'"):
        frame.replicates("risk", "risk_matrix")
    assert frame.replicates("envy_gain").shape == (5, 3)


@pytest.mark.parametrize("n_boot", [0, -1, 2.5, "100", True])
def test_a_bad_number_of_replicates_is_refused(n_boot):
    with pytest.raises(ValueError, match="n_boot must be an integer of at least 1"):
        frame_of(random_sample(), n_boot=n_boot)
