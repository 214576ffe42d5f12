"""Several models beside each other."""

import numpy as np
import pytest
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame, compare
from fairlearn_fwh.metrics._compare import _decide

from .samples import frame_of_flips, random_sample


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


@pytest.mark.long
@pytest.mark.simulation
def test_among_twenty_harmless_models_nobody_is_found_harmed():
    rng = np.random.default_rng(0)
    runs, n_models, n_groups, n = 20, 20, 4, 400
    zeros = np.zeros(n_groups, dtype=int)
    harmed = harmless = alone = 0
    for _ in range(runs):
        flips = rng.multinomial(n, [0.05, 0.05, 0.9], size=(n_models, n_groups))
        frames = [frame_of_flips(np.full(n_groups, n), f[:, 0], f[:, 1], zeros) for f in flips]
        harmed += _decide(frames, 0.05, 0.05, 0.0)["n_harmed"].any()
        alone += any(len(frame.violations(alpha=0.05)) for frame in frames)
        # Every model loses exactly the tolerance for one group: none is harmless.
        flips[:, 0] = rng.multinomial(n, [0.08, 0.03, 0.89], size=n_models)
        frames = [frame_of_flips(np.full(n_groups, n), f[:, 0], f[:, 1], zeros) for f in flips]
        harmless += _decide(frames, 0.05, 0.05, 0.0)["harmless"].any()
    for errors in (harmed, harmless):
        assert stats.binomtest(int(errors), runs, 0.05, alternative="greater").pvalue > 0.01
    assert alone > 3 * harmed


def test_a_model_is_harmless_if_all_its_groups_are_certified():
    n, zeros = np.full(3, 2000), np.zeros(3, dtype=int)
    frames = {
        "good": frame_of_flips(n, zeros + 10, zeros + 60, zeros),
        "one group unsure": frame_of_flips(n, np.array([10, 10, 120]), np.array([60, 60, 120]), zeros),
    }
    table = compare(frames, tolerance=0.01).table
    assert table["harmless"].tolist() == [True, False]
    assert table["n_certified"].tolist() == [3, 2]


def test_models_are_tested_at_a_margin():
    n, zeros = np.full(2, 2000), np.zeros(2, dtype=int)
    frames = {"worse": frame_of_flips(n, np.array([120, 20]), np.array([20, 20]), zeros)}
    assert compare(frames).table["n_harmed"].tolist() == [1]
    assert compare(frames, harm_margin=0.05).table["n_harmed"].tolist() == [0]
    with pytest.raises(ValueError, match="harm_margin must be at least 0"):
        compare(frames, harm_margin=-0.1)
    with pytest.raises(
        TypeError, match="frames must be a dict from the name of each model to its frame; got list"
    ):
        compare(list(frames.values()))


def test_a_model_is_not_harmless_to_a_group_whom_the_loss_does_not_concern():
    y = np.repeat([1, 0, 0, 0], 500)
    groups = np.repeat(["a", "a", "b", "b"], 500)

    def harmless(y):
        frame = PreferenceFrame(
            y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=groups, loss="missed", labels=[0, 1]
        )
        return compare({"same": frame}, tolerance=0.05).table["harmless"].item()

    assert harmless(np.repeat([1, 0, 1, 0], 500))
    assert not harmless(y)
