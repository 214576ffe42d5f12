import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh import metrics
from fairlearn_fwh.metrics import (
    PreferenceFrame,
    disagreement_rate,
    envy_gain,
    envy_gain_group_min,
    fairness_without_harm_rate,
    negative_flip_rate,
    negative_flip_rate_group_max,
    pack_predictions,
    positive_flip_rate,
    rationality_gain,
    rationality_gain_group_min,
    strict_preference_rate,
)

from .samples import random_sample

Y, OWN, POOLED = [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0]
BY_GROUP = pd.DataFrame({"a": [1, 1, 0, 1], "b": [0, 0, 1, 0]})
GROUPS = ["a", "a", "b", "b"]


def test_values_by_hand():
    assert rationality_gain(Y, OWN, y_pred_pooled=POOLED) == 0
    assert negative_flip_rate(Y, OWN, y_pred_pooled=POOLED) == 0.25
    assert positive_flip_rate(Y, OWN, y_pred_pooled=POOLED) == 0.25
    assert disagreement_rate(Y, OWN, y_pred_pooled=POOLED) == 0.5
    arguments = {"y_pred_pooled": POOLED, "y_pred_by_group": BY_GROUP}
    assert fairness_without_harm_rate(Y, OWN, **arguments) == 0.75
    assert strict_preference_rate(Y, OWN, **arguments) == 0.75
    assert envy_gain(Y, OWN, y_pred_by_group=BY_GROUP, groups=GROUPS) == 0


def test_answers_that_differ_by_rounding_are_the_same(rng):
    pooled = rng.uniform(0.1, 0.9, 400)
    y = rng.integers(0, 2, 400)
    rounded = pooled * (1 + rng.choice([-4e-16, 4e-16], 400))
    assert (rounded != pooled).any()
    one = {"y_pred_pooled": pooled, "loss": "brier"}
    both = {**one, "y_pred_by_group": {"a": rounded, "b": pooled}}
    assert rationality_gain(y, rounded, **one) == 0
    assert negative_flip_rate(y, rounded, **one) == positive_flip_rate(y, rounded, **one) == 0
    assert disagreement_rate(y, rounded, y_pred_pooled=pooled) == 0
    assert fairness_without_harm_rate(y, rounded, **both) == 1
    assert strict_preference_rate(y, rounded, **both) == 0


def test_weights_count():
    assert rationality_gain(Y, OWN, y_pred_pooled=POOLED, sample_weight=[3, 1, 1, 1]) == pytest.approx(2 / 6)
    assert disagreement_rate(Y, OWN, y_pred_pooled=POOLED, sample_weight=[1, 0, 1, 0]) == 0.5


def test_envy_is_of_other_classifiers_only():
    assert np.isnan(envy_gain(Y, OWN, y_pred_by_group={"a": OWN}, groups=["a"] * 4))
    envious = envy_gain(
        Y, [0, 1, 0, 1], y_pred_by_group=pd.DataFrame({"a": [0, 1, 0, 1], "b": Y}), groups=["a"] * 4
    )
    assert envious == -1


@pytest.mark.parametrize("seed", range(5))
def test_envy_of_a_mixed_group_is_that_of_its_most_envious_part(seed):
    y, _, by_group, groups = random_sample(seed, n_groups=4)
    own = by_group[np.arange(len(y)), groups]
    parts = [
        envy_gain(
            y[groups == k],
            own[groups == k],
            y_pred_by_group=by_group[groups == k],
            groups=groups[groups == k],
        )
        for k in range(4)
    ]
    assert envy_gain(y, own, y_pred_by_group=by_group, groups=groups) == pytest.approx(min(parts))


def test_groups_must_name_a_column():
    with pytest.raises(ValueError, match=r"groups names \['c'\]"):
        envy_gain(Y, OWN, y_pred_by_group=BY_GROUP, groups=["a", "a", "b", "c"])


@pytest.mark.parametrize(
    "function", [rationality_gain, negative_flip_rate, positive_flip_rate, disagreement_rate]
)
def test_lengths_are_checked(function):
    with pytest.raises(ValueError, match="y_pred_pooled has 2 rows, but y_true has 4"):
        function(Y, OWN, y_pred_pooled=[0, 1])
    with pytest.raises(ValueError, match="y_pred has 3 rows"):
        function(Y, OWN[:3], y_pred_pooled=POOLED)


def test_metric_frame_sees_the_names():
    functions = [name for name in metrics.__all__ if "_group_m" not in name]
    assert all(getattr(metrics, name).__name__ == name for name in functions)


@pytest.mark.parametrize("weighted", [False, True])
def test_derived_metrics_are_those_of_the_worst_off_group(weighted):
    y, pooled, by_group, groups = random_sample(5)
    own = by_group[np.arange(len(y)), groups]
    weights = {"sample_weight": np.linspace(0.5, 1.5, len(y))} if weighted else {}
    frame = PreferenceFrame(
        y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups, **weights
    ).by_group
    shared = {"sensitive_features": groups, **weights}
    assert rationality_gain_group_min(y, own, y_pred_pooled=pooled, **shared) == pytest.approx(
        frame["rationality_gain"].min()
    )
    assert negative_flip_rate_group_max(y, own, y_pred_pooled=pooled, **shared) == pytest.approx(
        frame["negative_flip_rate"].max()
    )
    envy = envy_gain_group_min(y, own, y_pred_by_group=pack_predictions(by_group), groups=groups, **shared)
    assert envy == pytest.approx(frame["envy_gain"].min())
    as_array = (
        np.column_stack(list(by_group.values())) if isinstance(by_group, dict) else np.asarray(by_group)
    )
    assert envy_gain_group_min(y, own, y_pred_by_group=as_array, groups=groups, **shared) == envy
