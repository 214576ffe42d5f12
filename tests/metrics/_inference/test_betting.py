"""Bets on bounded gains, from histograms; losses without limits are refused or cut off."""

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame, find_harmed_subgroup, keep_own_classifier
from fairlearn_fwh.metrics._core._histograms import bin_of, edges_of
from fairlearn_fwh.metrics._inference._betting import GainDraws

seeds = st.integers(0, 2**32 - 1)


def frame_of_gains(gains, **more):
    """Groups (rows) of people with these gains in Brier loss."""
    n_groups, n = gains.shape
    own, pooled = np.sqrt(np.clip(0.5 - gains / 2, 0, 1)), np.sqrt(np.clip(0.5 + gains / 2, 0, 1))
    return PreferenceFrame(
        y_true=np.zeros(n_groups * n, dtype=int), y_pred=own.ravel(), y_pred_pooled=pooled.ravel(),
        sensitive_features=np.repeat(np.arange(n_groups), n), loss="brier", **more,
    )  # fmt: skip


# --- histograms -----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), st.sampled_from([1.0, 5.0]))
def test_gains_lie_in_their_bins(gains, span):
    gains = span * np.array(gains)
    low, high = edges_of(bin_of(gains, span), span)
    slack = 1e-12 * span
    assert ((low - slack <= gains) & (gains <= high + slack)).all()
    assert (high - low <= span / 250).all()


@given(seeds)
@settings(max_examples=20)
def test_people_are_moved_to_edges_and_their_mean_stays(seed):
    rng = np.random.default_rng(seed)
    gains = np.clip(rng.normal(0.02, 0.2, (2, 300)), -1, 1)
    histograms = frame_of_gains(gains)._measured.audit_histograms
    for group in range(2):
        values = 2 * GainDraws([(histograms, group, 1)], 1.0).of(0) - 1
        n_bins = len(histograms.of_claim(group, 1)[0])
        assert len(values) == 300
        # A bin has at most one person too many or too few at its upper edge.
        assert abs(values.sum() - gains[group].sum()) <= n_bins / 250
        assert values.var() >= gains[group].var() - 1e-3


@given(seeds, st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_shards_have_the_tests_of_the_whole(seed, cut):
    rng = np.random.default_rng(seed)
    y, own, pooled = rng.integers(0, 2, 200), rng.random(200), rng.random(200)
    groups = rng.integers(0, 3, 200)

    def frame(rows):
        return PreferenceFrame(
            y_true=y[rows], y_pred=own[rows], y_pred_pooled=pooled[rows], sensitive_features=groups[rows], loss="brier"
        )  # fmt: skip

    whole = frame(slice(None)).certify(tolerance=0.2)
    if 0 < cut < 200:
        parts = (frame(slice(0, cut)) + frame(slice(cut, None))).certify(tolerance=0.2)
        for column in ("p_value", "lower_bound"):
            np.testing.assert_allclose(parts[column], whole[column], rtol=1e-6)


def test_the_order_of_rows_does_not_matter(rng):
    gains = rng.normal(0.05, 0.2, (1, 500))
    a, b = (frame_of_gains(g).certify(tolerance=0.0) for g in (gains, gains[:, ::-1]))
    assert a["p_value"].item() == pytest.approx(b["p_value"].item(), rel=1e-9)


# --- level and power ------------------------------------------------------------------------------------------------


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("gain", "deviation", "n", "least"), [(0.022, 0.14, 1000, 0.95), (0.010, 0.14, 2000, 0.75)]
)
def test_gains_in_brier_loss_are_found(gain, deviation, n, least):
    gains = np.random.default_rng(0).normal(gain, deviation, (200, n))
    found = frame_of_gains(gains).certify(tolerance=0.0, correction=None)["certified"].mean()
    assert found >= least - 2 * np.sqrt(least * (1 - least) / 200)


def rare(rng, n_groups, n):
    """Most gain a little, few lose nearly all; the mean is 0."""
    loses = rng.random((n_groups, n)) < 0.02
    return np.where(loses, -0.98, 0.02)


def at_the_boundary(rng, n_groups, n):
    return rng.normal(0.0, 0.14, (n_groups, n))


@pytest.mark.long(but_every=2)
@pytest.mark.simulation
@pytest.mark.parametrize("draw", [rare, at_the_boundary])
@pytest.mark.parametrize("n", [50, 500])
def test_where_nobody_gains_false_certificates_and_false_harm_are_rare(draw, n):
    gains = draw(np.random.default_rng(n), 400, n)
    frame, mirrored = frame_of_gains(gains), frame_of_gains(-gains)
    for false in (
        frame.certify(tolerance=0.0, correction=None)["certified"],
        mirrored.certify(tolerance=0.0, correction=None)["certified"],
        frame.harm_tests(correction=None)["p_value"] < 0.05,
        frame.gain_intervals(0.1)["lower"] > 0,
    ):
        assert stats.binomtest(int(false.sum()), 400, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.simulation
def test_power_is_what_it_promises():
    rng = np.random.default_rng(3)
    sample = frame_of_gains(rng.normal(0, 0.14, (1, 5000)))
    n = int(sample.power(0.02, power=0.8)["n_needed"].item())
    frame = frame_of_gains(rng.normal(0, 0.14, (300, n)))
    certified = frame.certify(tolerance=0.02, correction=None)["certified"].mean()
    assert 0.75 <= certified <= 0.95
    smallest = frame.power(0.02, power=0.8)["smallest_tolerance"].median()
    # 300 groups need more than one.
    assert 0.02 < smallest < 0.04


def test_p_value_and_bound_tell_the_same(rng):
    frame = frame_of_gains(rng.normal(0.02, 0.1, (20, 300)))
    for alpha in (0.01, 0.05, 0.2):
        table = frame.certify(tolerance=0.01, alpha=alpha, correction=None)
        assert ((table["lower_bound"] > -0.01) == table["certified"]).all()


def test_intervals_are_bets_of_both_sides(rng):
    frame = frame_of_gains(rng.normal(0.02, 0.1, (3, 300)))
    table = frame.gain_intervals(0.1)
    lower = frame.certify(tolerance=0.0, alpha=0.05, correction=None)["lower_bound"]
    assert table["lower"].tolist() == lower.tolist()
    assert ((table["lower"] < table["gain"]) & (table["gain"] < table["upper"])).all()


def test_nobody_and_few_people_prove_nothing():
    frame = frame_of_gains(np.full((1, 2), 0.9))
    table = frame.certify(tolerance=0.0)
    assert table["p_value"].item() > 0.1
    assert -1 <= table["lower_bound"].item() < 0


def test_frames_and_selection_give_the_same_answer(rng):
    frame = frame_of_gains(rng.normal(0.022, 0.14, (6, 1000)))
    assert (keep_own_classifier(frame)["keep"].to_numpy() == frame.certify(tolerance=0.0)["certified"]).all()


# --- losses without limits ------------------------------------------------------------------------------------------


def values(n=60, **more):
    rng = np.random.default_rng(0)
    y, own, pooled = rng.random((3, n))
    return PreferenceFrame(**{"y_true": y, "y_pred": own, "y_pred_pooled": pooled, "loss": "squared"} | more)


@pytest.mark.parametrize(
    "test",
    [
        lambda frame: frame.certify(tolerance=0.1),
        lambda frame: frame.violations(alpha=0.05),
        lambda frame: frame.harm_tests(),
        lambda frame: frame.power(0.1),
        lambda frame: keep_own_classifier(frame),
        lambda frame: frame.to_model_card(),
    ],
)
def test_losses_without_limits_are_not_tested(test):
    with pytest.raises(
        ValueError, match=r"loss='squared' has no largest value.*Cut losses off with loss_limit="
    ):
        test(values())
    test(values(loss_limit=0.5))


def test_without_a_test_figures_and_intervals_are_there():
    frame = values()
    assert frame.violations() is not None
    assert np.isfinite(frame.gain_intervals()[["lower", "upper"]]).all(axis=None)
    table = keep_own_classifier(frame, rule="empirical")
    assert table["keep"].item() == (table["gain"].item() > 0)


def test_losses_are_cut_off_and_it_is_said():
    limited, free = values(loss_limit=0.25), values()
    assert limited.loss_name == "squared (at most 0.25)"
    assert limited.overall["risk"] < free.overall["risk"]
    assert limited.overall["risk"] <= 0.25
    assert "squared (at most 0.25) loss" in limited.to_model_card(tolerance=0.2)
    with pytest.raises(ValueError, match="the same loss; got 'squared' and 'squared \\(at most 0.25\\)'"):
        free + limited


def test_engines_have_the_bins_of_arrays():
    """Gains at the edges of bins, too: the order of the bets hangs on the counts."""
    sixteenths = np.arange(17) / 16
    own, pooled = (axis.ravel() for axis in np.meshgrid(sixteenths, sixteenths))
    table = pl.DataFrame(
        {"y": np.zeros(289, dtype=int), "own": own, "pooled": pooled, "u": np.linspace(0, 1, 289)}
    )
    for prediction in ("own", "u"):
        columns = {"y_true": "y", "y_pred": prediction, "y_pred_pooled": "pooled", "loss": "brier"}
        frames = [
            PreferenceFrame.from_frame(t, **columns)
            for t in (table, table.lazy(), duckdb.from_arrow(table.to_arrow()))
        ]
        eager, *lazy = [frame._measured.audit_histograms for frame in frames]
        for histograms in lazy:
            assert histograms.bin.tolist() == eager.bin.tolist()
            assert histograms.n.tolist() == eager.n.tolist()
            np.testing.assert_allclose(histograms.total, eager.total, atol=1e-12)


@pytest.mark.simulation
def test_rare_losses_are_bet_on_at_other_places_in_every_sample():
    """With one order for all samples this is .16 where it has to be at most .05."""
    rng = np.random.default_rng(0)
    for n in (300, 1000):
        false = frame_of_gains(rare(rng, 400, n)).certify(tolerance=0.0, correction=None)["certified"]
        assert stats.binomtest(int(false.sum()), 400, 0.05, alternative="greater").pvalue > 0.01


def test_limits_are_the_same_in_engines():
    rng = np.random.default_rng(1)
    table = pl.DataFrame({name: rng.normal(size=300) for name in ("y", "a", "b")})
    columns = {"y_true": "y", "y_pred": "a", "y_pred_pooled": "b", "loss": "absolute", "loss_limit": 0.75}
    eager, lazy = (PreferenceFrame.from_frame(t, **columns) for t in (table, table.lazy()))
    assert lazy.overall["risk"] == pytest.approx(eager.overall["risk"])
    a, b = (frame.certify(tolerance=0.1)["p_value"].item() for frame in (eager, lazy))
    assert a == pytest.approx(b, rel=1e-9)


def test_functions_with_limits_are_held_to_them():
    def cost(y_true, y_pred):
        return np.abs(y_true - y_pred)

    cost.lower, cost.upper = 0.0, 0.5
    with pytest.raises(
        ValueError, match=r"loss 'cost' is outside its limits, 0 to 0.5, for \d+ row\(s\) of y_pred"
    ):
        values(loss=cost)
    cost.upper = 1.0
    assert values(loss=cost).certify(tolerance=0.1)["method"].tolist() == ["betting"]
    for limit in (np.inf, np.nan):
        cost.upper = limit
        with pytest.raises(ValueError, match="leave the attribute out where there is no limit"):
            values(loss=cost)
    cost.upper = "1"
    with pytest.raises(ValueError, match="loss 'cost' has upper='1'; it must be a number"):
        values(loss=cost)


@pytest.mark.parametrize(
    ("loss", "limit", "message"),
    [
        ("squared", 0.0, "loss_limit must be a number above 0; got 0.0"),
        ("squared", "1", "loss_limit must be a number above 0; got '1'"),
        ("squared", np.inf, "loss_limit must be a number above 0"),
        ("brier", 1.0, "above 0 and below 1, the largest loss; got 1.0"),
        ("zero_one", 0.5, "loss_limit does not apply to loss='zero_one', which is 0 or 1"),
    ],
)
def test_bad_limits_are_refused(loss, limit, message):
    with pytest.raises(ValueError, match=message):
        values(loss=loss, loss_limit=limit)


def test_the_search_for_subgroups_needs_limits_too(rng):
    X, (y, own, pooled) = rng.random((400, 2)), rng.random((3, 400))
    with pytest.raises(ValueError, match="has no largest value"):
        find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, loss="squared")
    assert len(find_harmed_subgroup(X, y, own, y_pred_pooled=pooled, loss="squared", loss_limit=1.5)) == 2
