"""Gains in calibration: what is measured, bounds that cover, nothing claimed of models that are alike."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from fairlearn_fwh.metrics import CalibrationFrame
from fairlearn_fwh.metrics._inference._calibration_error import calibration_of


def people(rng, n=4000, slope=1.0):
    """Probabilities, and labels from true probabilities whose log odds are `slope` times as large."""
    log_odds = rng.normal(0, 1.2, n)
    true = special.expit(slope * log_odds)
    return special.expit(log_odds), true, (rng.random(n) < true).astype(int)


def test_the_error_is_that_of_the_bins_without_pairs_of_a_person_with_itself(rng):
    p, _, y = people(rng, n=300)
    found = calibration_of(y == 1, p, 5)
    edges = np.quantile(p, [0.2, 0.4, 0.6, 0.8])
    bins = np.searchsorted(edges, p, side="right")
    raw = sum((bins == b).mean() * (y - p)[bins == b].mean() ** 2 for b in range(5))
    unbiased = 0.0
    for b in range(5):
        d = (y - p)[bins == b]
        unbiased += (bins == b).mean() * (d.sum() ** 2 - d @ d) / (len(d) * (len(d) - 1))
    assert found.raw == pytest.approx(raw)
    assert found.error == pytest.approx(unbiased)
    assert found.large == pytest.approx((y - p).mean())


def test_tables_name_sizes_both_models_and_the_gain(rng):
    p, _, y = people(rng)
    groups = np.where(np.arange(len(y)) % 4 == 0, "few", "many")
    off = np.clip(p + 0.1, 0, 1)
    frame = CalibrationFrame(y_true=y, y_prob=p, y_prob_pooled=off, sensitive_features=groups)
    table = frame.by_group
    assert table["n"].to_dict() == {"few": 1000, "many": 3000}
    np.testing.assert_allclose(table["gain"], table["pooled_error"] - table["error"])
    np.testing.assert_allclose(table["pooled_in_the_large"] + 0.1, table["in_the_large"], atol=0.01)
    assert frame.overall["n"] == 4000
    intervals = frame.intervals()
    assert intervals["model"].tolist() == ["own", "pooled"] * 2
    assert (intervals["error_lower"] <= intervals["error_upper"]).all()
    assert "CalibrationFrame: 4000 rows, 2 group(s)" in repr(frame)


@pytest.mark.parametrize("measure", ["error", "in_the_large"])
def test_harm_is_found_where_probabilities_are_off_and_not_in_models_that_are_alike(rng, measure):
    p, _, y = people(rng, n=6000)
    groups = np.repeat(["a", "b"], 3000)
    worse = np.where(groups == "b", np.clip(p + 0.15, 0, 1), p)
    given = {"y_true": y, "y_prob_pooled": p, "sensitive_features": groups}
    harmed = CalibrationFrame(y_prob=worse, **given)
    assert harmed.violations(measure=measure)["group"].tolist() == ["b"]
    assert harmed.violations(measure=measure, margin=0.5).empty
    assert harmed.verdict(measure=measure).startswith("Worse calibrated, with 95 % confidence: b (-0.")
    alike = CalibrationFrame(y_prob=p, **given)
    assert alike.violations(measure=measure).empty
    assert "remains possible (95 % confidence)" in alike.verdict(measure=measure)


@pytest.mark.simulation
@pytest.mark.parametrize("slope", [1.0, 0.6, 1.6])
def test_bounds_cover(slope):
    rng = np.random.default_rng(0)
    covered = np.zeros(2)
    for _ in range(300):
        p, true, y = people(rng, n=400, slope=slope)
        found = calibration_of(y == 1, p, 10)
        size = found.bins[:, 0].astype(int)
        gaps = np.add.reduceat((true - p)[np.argsort(p)], np.r_[0, np.cumsum(size)[:-1]]) / size
        low, high = found.error_bounds(0.05)
        covered[0] += low <= size @ gaps**2 / len(p) <= high
        low, high = found.large_bounds(0.05)
        covered[1] += low <= (true - p).mean() <= high
    assert (covered >= 0.93 * 300).all()


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "rate"), [(300, 0.01), (1000, 0.005), (1000, 0.02)])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_bounds_in_the_large_cover_where_events_are_rare(n, rate, alpha):
    """Calibrated forecasts, and those that say the opposite is rare; by Student's distribution alone up to 11.7 % are missed where 5 are promised."""
    rng = np.random.default_rng(0)
    missed = np.zeros(2)
    for _ in range(400):
        y = rng.random(n) < rate
        for i, truth in enumerate((y, ~y)):
            low, high = calibration_of(truth, np.full(n, rate if i == 0 else 1 - rate), 10).large_bounds(
                alpha
            )
            missed[i] += not low <= 0 <= high
    assert (missed <= stats.binom.ppf(0.99, 400, alpha)).all()


@pytest.mark.simulation
def test_errors_and_gains_are_covered_where_events_are_rare():
    """Squared errors that are small beside what chance does to bins with one positive or none."""
    rng = np.random.default_rng(0)
    covered = []
    while len(covered) < 80:
        log_odds = rng.normal(special.logit(0.01), 1.2, 500)
        true, other = special.expit(log_odds), special.expit(log_odds + 0.2)
        y = (rng.random(500) < true).astype(int)
        if not y.any():
            continue
        frame = CalibrationFrame(y_true=y, y_prob=true, y_prob_pooled=other)
        bins = np.repeat(np.arange(len(frame._measured[0][1].bins)), 50)
        truth = (np.bincount(bins, (true - other)[np.argsort(other)]) ** 2 / 50).sum() / 500
        bounds, gain = frame.intervals().iloc[1], frame.gain_intervals().iloc[0]
        covered.append([
            bounds["error_lower"] <= truth <= bounds["error_upper"],
            gain["lower"] <= truth <= gain["upper"],
        ])  # fmt: skip
    assert (np.mean(covered, axis=0) > 0.96).all()


def test_common_events_have_students_bounds():
    y = np.tile([True, False], 500)
    low, high = calibration_of(y, np.full(1000, 0.5), 10).large_bounds(0.05)
    assert high == -low == pytest.approx(stats.t.isf(0.025, 999) / np.sqrt(4 * 1000), rel=0.02)


def test_rows_that_are_copies_tell_nothing_new(rng):
    p, _, y = people(rng, n=400)
    once = CalibrationFrame(y_true=y, y_prob=p, y_prob_pooled=p)
    copies = {"y_true": np.repeat(y, 5), "y_prob": np.repeat(p, 5), "y_prob_pooled": np.repeat(p, 5)}
    units = CalibrationFrame(**copies, units=np.repeat(np.arange(400), 5), n_bins=10)
    naive = CalibrationFrame(**copies, n_bins=10)
    width = [
        float((frame.intervals()["in_the_large_upper"] - frame.intervals()["in_the_large_lower"]).iloc[0])
        for frame in (once, units, naive)
    ]
    assert width[1] == pytest.approx(width[0], rel=0.01)
    assert width[2] < 0.5 * width[0]
    assert units.by_group["n_units"].tolist() == [400]


def test_small_groups_have_fewer_bins_and_equal_probabilities_one(rng):
    p, _, y = people(rng, n=50)
    assert len(calibration_of(y == 1, p, 10).bins) == 2
    assert len(calibration_of(y == 1, np.full(50, 0.3), 10).bins) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"y_prob": [0.1, 0.2, 1.5, 0.3]},
            r"y_prob must be probabilities, from 0 to 1; 1 row\(s\) are not, the first is 1.5 in row 2",
        ),
        ({"y_prob_pooled": ["a", "b", "c", "d"]}, "y_prob_pooled must be numbers"),
        ({"y_true": [1, 1, 1, 1]}, "must have two classes to compare scores by; it has 1"),
        ({"y_true": ["ill", "well", "ill", "well"]}, "pos_label is needed"),
        ({"n_bins": 0}, "n_bins must be a whole number of at least 1; got 0"),
        (
            {"units": [0, 0, 0, 1], "sensitive_features": ["a", "b", "a", "b"]},
            "1 units have rows in several groups",
        ),
    ],
)
def test_bad_input_is_refused(change, message):
    given = {"y_true": [0, 1, 0, 1], "y_prob": [0.1, 0.9, 0.2, 0.8], "y_prob_pooled": [0.5, 0.6, 0.5, 0.4]}
    with pytest.raises(ValueError, match=message):
        CalibrationFrame(**(given | change))


def test_bad_questions_are_refused(rng):
    p, _, y = people(rng, n=100)
    frame = CalibrationFrame(y_true=y, y_prob=p, y_prob_pooled=p)
    with pytest.raises(ValueError, match="measure must be one of"):
        frame.violations(measure="ece")
    with pytest.raises(ValueError, match="alpha"):
        frame.intervals(alpha=1.5)
    with pytest.raises(ValueError, match="margin must be at least 0"):
        frame.violations(margin=-1)
    with pytest.raises(ValueError, match="No group has min_group_size=1000 people"):
        frame.plot(min_group_size=1000)


def test_a_picture_has_a_panel_for_each_group(rng):
    plt = pytest.importorskip("matplotlib.pyplot")
    p, _, y = people(rng, n=900)
    groups = np.repeat(["a", "b", "c"], [500, 395, 5])
    frame = CalibrationFrame(y_true=y, y_prob=p, y_prob_pooled=p, sensitive_features=pd.Series(groups))
    figure = frame.plot()
    assert [ax.get_title() for ax in figure.axes if ax.get_visible()] == ["a (500 people)", "b (395 people)"]
    assert "1 of 3 groups are not drawn" in figure.get_suptitle()
    plt.close(figure)
