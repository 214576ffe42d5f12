"""Recall at a given alarm rate: as many alarms by each score, and those of the people with the highest scores."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from fairlearn_fwh.metrics import alarm_frame


def people(rng, n=2000):
    y, groups = rng.integers(0, 2, n), rng.choice(["a", "b"], n)
    old = y + rng.standard_normal(n)
    return y, np.where(groups == "a", y + 2 * rng.standard_normal(n), old), old, groups


def test_recall_is_that_of_the_highest_scores(rng):
    y, new, old, groups = people(rng)
    frame = alarm_frame(y, new, score_pooled=old, alarm_rate=0.1, sensitive_features=groups)
    alarms = {name: scores > np.sort(scores)[-201] for name, scores in (("own", new), ("pooled", old))}
    assert alarms["own"].sum() == alarms["pooled"].sum() == 200
    for group in "ab":
        mine = groups == group
        gain = recall_score(y[mine], alarms["own"][mine]) - recall_score(y[mine], alarms["pooled"][mine])
        assert frame.gains.loc[group, "missed"] == pytest.approx(gain)


def test_the_same_scores_harm_nobody_and_ties_get_no_alarm(rng):
    y, _, old, groups = people(rng)
    assert (
        alarm_frame(y, old, score_pooled=old, alarm_rate=0.3, sensitive_features=groups)
        .violations(alpha=0.05)
        .empty
    )
    coarse = np.round(old)
    frame = alarm_frame(y, coarse, score_pooled=coarse, alarm_rate=0.3)
    assert frame["missed"].overall["risk"] > 0.3


def test_units_and_labels_are_read_as_everywhere(rng):
    y, new, old, groups = people(rng, 400)
    frame = alarm_frame(
        np.where(y == 1, "ill", "well"), new, score_pooled=old, alarm_rate=0.5, sensitive_features=groups, pos_label="ill",
        units=np.arange(400),
    )  # fmt: skip
    assert frame.losses == ["missed", "false_alarm"]


@pytest.mark.parametrize("alarm_rate", [0, 1, 1.5, "many", True])
def test_a_rate_is_a_share(rng, alarm_rate):
    y, new, old, _ = people(rng, 100)
    with pytest.raises(ValueError, match="alarm_rate must be between 0 and 1"):
        alarm_frame(y, new, score_pooled=old, alarm_rate=alarm_rate)


def test_scores_that_tell_nobody_apart_raise_no_alarm(rng):
    y, _, old, _ = people(rng, 100)
    with pytest.raises(ValueError, match="score raises no alarm at alarm_rate=0.2"):
        alarm_frame(y, np.ones(100), score_pooled=old, alarm_rate=0.2)
