"""The acceptance rate as a benefit: loss="rejection"."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from fairlearn_fwh.metrics import PreferenceFrame, rationality_gain


def rows(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "new": rng.integers(0, 2, n),
            "old": rng.integers(0, 2, n),
            "s": rng.choice(["a", "b"], n),
        }
    )


def frame_of(table, **more):
    return PreferenceFrame(
        y_true=table["y"], y_pred=table["new"], y_pred_pooled=table["old"], sensitive_features=table["s"], loss="rejection", **more
    )  # fmt: skip


def test_the_risk_is_the_share_of_people_who_are_not_accepted():
    table = rows()
    by_group = frame_of(table).by_group
    for s, part in table.groupby("s"):
        assert by_group.loc[s, "risk"] == pytest.approx(1 - part["new"].mean())
        assert by_group.loc[s, "rationality_gain"] == pytest.approx(part["new"].mean() - part["old"].mean())


def test_the_true_label_does_not_matter():
    table = rows()
    pd.testing.assert_frame_equal(frame_of(table).by_group, frame_of(table.assign(y=1 - table["y"])).by_group)


def test_it_is_tested_like_other_zero_one_losses_but_is_no_accuracy():
    table = rows()
    as_errors = PreferenceFrame(
        y_true=np.ones(len(table), dtype=int), y_pred=table["new"], y_pred_pooled=table["old"], sensitive_features=table["s"]
    )  # fmt: skip
    for method in ("tango", "exact"):
        ours, theirs = (f.certify(tolerance=0.05, method=method) for f in (frame_of(table), as_errors))
        pd.testing.assert_frame_equal(ours, theirs)
    overall = frame_of(table).overall
    assert np.isnan(overall["accuracy"])
    assert np.isnan(overall["pooled_accuracy"])
    assert overall["risk"] == as_errors.overall["risk"]
    assert frame_of(table, n_boot=20, random_state=0).to_frame() is not None


@pytest.mark.parametrize("coding", [lambda p: 2 * p - 1, lambda p: p.astype(bool), lambda p: p.astype(float)])
def test_other_ways_to_write_decisions(coding):
    table = rows()
    other = table.assign(new=coding(table["new"]), old=coding(table["old"]))
    pd.testing.assert_frame_equal(frame_of(other).by_group, frame_of(table).by_group)


@pytest.mark.parametrize("coding", [lambda p: p, lambda p: 2 * p - 1, lambda p: p.astype(bool)])
def test_engines_measure_the_same(coding):
    table = rows()
    table = table.assign(new=coding(table["new"]), old=coding(table["old"]))
    arguments = {
        "y_true": "y",
        "y_pred": "new",
        "y_pred_pooled": "old",
        "sensitive_features": "s",
        "loss": "rejection",
    }
    for lazy in (duckdb.from_df(table), pl.from_pandas(table).lazy()):
        frame = PreferenceFrame.from_frame(lazy, **arguments)
        pd.testing.assert_frame_equal(frame.by_group, frame_of(table).by_group, check_names=False)


def test_predictions_that_are_no_decisions_are_refused():
    message = "loss='rejection' needs decisions in y_pred: 1 or True means accepted, 0, -1 or False rejected"
    table = rows()
    for wrong in (table["new"] + 1, table["new"].map({0: "no", 1: "yes"}), table["new"] * 0.5):
        bad = table.assign(new=wrong)
        with pytest.raises(ValueError, match=message):
            frame_of(bad)
        with pytest.raises(ValueError, match=message):
            PreferenceFrame.from_frame(
                duckdb.from_df(bad), y_true="y", y_pred="new", y_pred_pooled="old", loss="rejection"
            )


def test_functions_take_it_too():
    table = rows()
    gain = rationality_gain(table["y"], table["new"], y_pred_pooled=table["old"], loss="rejection")
    assert gain == pytest.approx(table["new"].mean() - table["old"].mean())
