"""Several models beside each other."""

import numpy as np
import pytest

from fairlearn_fwh.metrics import PreferenceFrame, compare

from .samples import random_sample


@pytest.fixture
def frames():
    y, pooled, by_group, groups = random_sample(n=1200)
    sample = {"y_true": y, "y_pred_pooled": pooled, "sensitive_features": groups}
    worse = np.where(groups == 1, 1 - y, pooled)
    return {
        "perfect": PreferenceFrame(y_pred=y, **sample),
        "same": PreferenceFrame(y_pred=pooled, **sample),
        "harms 1": PreferenceFrame(y_pred=worse, **sample),
    }


def test_the_table_says_what_the_frames_say(frames):
    table = compare(frames, tolerance=0.05).table
    assert list(table.index) == list(frames)
    for name, frame in frames.items():
        row = table.loc[name]
        assert row["worst_gain"] == frame.by_group["rationality_gain"].min()
        assert row["worst_group"] == frame.by_group["rationality_gain"].idxmin()
        assert row["lower"] <= row["worst_gain"] <= row["upper"]
        assert row["gain"] == frame.overall["rationality_gain"]
        assert row["disparity_change"] == frame.overall["disparity_change"]
        assert row["n_harmed"] == len(frame.violations(alpha=0.05))
        assert row["n_certified"] == frame.certify(tolerance=0.05)["certified"].sum()
        assert row["n_groups"] == 3
    assert table["n_harmed"].to_dict() == {"perfect": 0, "same": 0, "harms 1": 1}
    assert "<table" in compare(frames)._repr_html_()


@pytest.mark.parametrize("other", ["people", "loss", "groups"])
def test_frames_of_other_people_are_refused(frames, other):
    y, pooled, _, groups = random_sample(n=1200 if other != "people" else 600)
    change = {"loss": "brier"} if other == "loss" else {}
    frames["other"] = PreferenceFrame(
        y_true=y,
        y_pred=pooled / 2 if other == "loss" else pooled,
        y_pred_pooled=pooled / 2 if other == "loss" else pooled,
        sensitive_features=groups % 2 if other == "groups" else groups,
        **change,
    )
    with pytest.raises(
        ValueError, match=r"frames\['other'\] and frames\['perfect'\] are of different people"
    ):
        compare(frames)


def test_what_cannot_be_compared_is_said(frames):
    with pytest.raises(ValueError, match="frames is empty"):
        compare({})
    with pytest.raises(ValueError, match=r"frames\['a'\] must be a PreferenceFrame; got int"):
        compare({"a": 1})
    controlled = PreferenceFrame(y_true=[0, 1], y_pred=[0, 1], y_pred_pooled=[0, 0], control_features=[1, 2])
    with pytest.raises(ValueError, match=r"frames\['a'\] has control features"):
        compare({"a": controlled})
