"""Control features, as users of MetricFrame know them."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame

from fairlearn_fwh.metrics import PreferenceFrame, negative_flip_rate, rationality_gain

from .samples import random_sample

METRICS = {"rationality_gain": rationality_gain, "negative_flip_rate": negative_flip_rate}


@pytest.fixture
def sample(rng):
    n = 500
    y, own, pooled = rng.integers(0, 2, (3, n))
    return {
        "y_true": y,
        "y_pred": own,
        "sensitive_features": pd.DataFrame(
            {"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("xyz"), n)}
        ),
        "control_features": pd.DataFrame(
            {"region": rng.choice(["n", "s"], n), "year": rng.integers(2020, 2022, n)}
        ),
    }, pooled


def test_tables_equal_metric_frames(sample):
    arguments, pooled = sample
    frame = PreferenceFrame(**arguments, y_pred_pooled=pooled)
    theirs = MetricFrame(
        metrics=METRICS, **arguments, sample_params={name: {"y_pred_pooled": pooled} for name in METRICS}
    )
    for ours, expected in (
        (frame.by_group, theirs.by_group),
        (frame.overall, theirs.overall),
        (frame.group_min(), theirs.group_min()),
        (frame.group_max(), theirs.group_max()),
        (frame.difference(), theirs.difference()),
        (frame.difference("to_overall"), theirs.difference(method="to_overall")),
    ):
        pd.testing.assert_frame_equal(
            ours[list(METRICS)].sort_index(), expected.astype(float).sort_index(), check_index_type=False
        )


def test_without_control_features_aggregates_equal_metric_frames(sample):
    arguments, pooled = sample
    del arguments["control_features"]
    frame = PreferenceFrame(**arguments, y_pred_pooled=pooled)
    theirs = MetricFrame(
        metrics=METRICS, **arguments, sample_params={name: {"y_pred_pooled": pooled} for name in METRICS}
    )
    for ours, expected in (
        (frame.group_min(), theirs.group_min()),
        (frame.group_max(), theirs.group_max()),
        (frame.difference(), theirs.difference()),
        (frame.difference("to_overall"), theirs.difference(method="to_overall")),
    ):
        pd.testing.assert_series_equal(ours[list(METRICS)], expected.astype(float), check_names=False)


def test_each_level_is_measured_as_if_it_were_alone():
    y, pooled, by_group, groups = random_sample(n=600)
    region = np.array(["n", "s"])[np.random.default_rng(1).integers(0, 2, 600)]
    sample = {"y_true": y, "y_pred_pooled": pooled, "y_pred_by_group": by_group, "groups": groups}
    frame = PreferenceFrame(**sample, control_features={"region": region})
    for level in ("n", "s"):
        inside = region == level
        alone = PreferenceFrame(**{name: column[inside] for name, column in sample.items()})
        pd.testing.assert_series_equal(frame.overall.loc[level], alone.overall, check_names=False)
        pd.testing.assert_frame_equal(frame.by_group.loc[level], alone.by_group, check_names=False)
        pd.testing.assert_frame_equal(frame.risk_matrix.loc[level], alone.risk_matrix, check_names=False)
        pd.testing.assert_frame_equal(frame.envy_matrix.loc[level], alone.envy_matrix, check_names=False)
        for q in (0.025, 0.975):
            pd.testing.assert_series_equal(
                frame.overall_ci[q].loc[level], alone.overall_ci[q], check_names=False
            )
            pd.testing.assert_frame_equal(
                frame.by_group_ci[q].loc[level], alone.by_group_ci[q], check_names=False
            )
    claims = frame.certify(tolerance=0.1, claims="all")
    assert len(claims) == 2 * (3 + 3 * 2)  # one family over all levels
    assert ("n", 0) in set(claims["group"])


def test_one_control_feature_has_the_name_of_its_column():
    y, pooled, by_group, groups = random_sample(n=200)
    frame = PreferenceFrame(
        y_true=y, y_pred=by_group[:, 0], y_pred_pooled=pooled, sensitive_features={"race": groups},
        control_features=pd.Series(np.arange(200) % 2, name="year"), n_boot=10,
    )  # fmt: skip
    assert list(frame.by_group.index.names) == ["year", "race"]
    assert frame.overall.index.name == "year"
    assert frame.replicates("risk", "overall").shape == (10, 2)
    assert "within levels of year" in repr(frame)


def test_a_missing_level_is_named():
    with pytest.raises(ValueError, match="'control_features' of control_features has 1 missing"):
        PreferenceFrame(
            y_true=[1, 0], y_pred=[1, 0], y_pred_pooled=[1, 1], control_features=np.array([1.0, np.nan])
        )


def test_an_unknown_difference_is_refused():
    y, pooled, by_group, groups = random_sample(n=50)
    frame = PreferenceFrame(y_true=y, y_pred=by_group[:, 0], y_pred_pooled=pooled, sensitive_features=groups)
    with pytest.raises(ValueError, match="method must be 'between_groups' or 'to_overall'; got 'ratio'"):
        frame.difference("ratio")
