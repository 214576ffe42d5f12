"""Differential equalized odds: against a reference person by person, and what tells of it."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.metrics import differential_equalized_odds, differential_equalized_odds_by_cell


def reference(y, answers, groups, concentration, weights=None):
    """Epsilon by counting people one by one."""
    weights = [1.0] * len(y) if weights is None else weights
    classes = sorted({*y, *answers})
    epsilon = 0.0
    for label in sorted(set(y)):
        for answer in classes:
            rates = []
            for group in sorted(set(groups)):
                people = [i for i in range(len(y)) if y[i] == label and groups[i] == group]
                total = sum(weights[i] for i in people)
                if total == 0:
                    continue
                mine = sum(weights[i] for i in people if answers[i] == answer)
                rates.append((mine + concentration / len(classes)) / (total + concentration))
            for a, b in itertools.permutations(rates, 2):
                if a != b:
                    epsilon = max(epsilon, math.inf if min(a, b) == 0 else abs(math.log(a / b)))
    return epsilon


def draw(seed, n=60, n_classes=3, n_groups=3):
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, k, n) for k in (n_classes, n_classes, n_groups))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("concentration", [0.0, 1.0, 5.0])
def test_epsilon_is_that_of_a_reference(seed, concentration):
    y, answers, groups = draw(seed)
    weights = np.random.default_rng(seed).exponential(size=len(y))
    for w in (None, weights):
        assert differential_equalized_odds(
            y, answers, sensitive_features=groups, concentration=concentration, sample_weight=w
        ) == pytest.approx(reference(y.tolist(), answers.tolist(), groups.tolist(), concentration, w))


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_names_of_groups_and_order_of_people_do_not_matter(seed):
    y, answers, groups = draw(seed, n=40)
    epsilon = differential_equalized_odds(y, answers, sensitive_features=groups)
    order = np.random.default_rng(seed).permutation(len(y))
    renamed = np.array(["c", "a", "b"])[groups]
    assert differential_equalized_odds(
        y[order], answers[order], sensitive_features=renamed[order]
    ) == pytest.approx(epsilon)
    assert epsilon >= 0


def test_equal_rates_given_the_label_are_fair_whatever_the_shares_of_labels():
    y = np.array([0] * 40 + [1] * 80)
    group = np.array(["a"] * 20 + ["b"] * 20 + ["a"] * 60 + ["b"] * 20)
    answers = np.concatenate([np.tile([0, 0, 0, 1], 10), np.tile([1, 1, 0, 0], 20)])
    assert differential_equalized_odds(y, answers, sensitive_features=group, concentration=0) == 0
    assert differential_equalized_odds(y, answers, sensitive_features=["a"] * 120) == 0  # one group


def test_cells_say_who_gets_the_answer_how_often():
    y = [1] * 10 + [0] * 4
    answers = [1, 1, 1, 1, 0] + [1, 0, 0, 0, 0] + [0, 0, 0, 0]
    sex = ["m"] * 5 + ["f"] * 5 + ["m", "m", "m", "f"]
    cells = differential_equalized_odds_by_cell(y, answers, sensitive_features=sex, concentration=0)
    worst = cells.set_index(["label", "prediction"]).loc[(1, 1)]
    assert (cells["epsilon"].diff()[1:] <= 1e-12).all()
    assert (worst["highest_group"], worst["lowest_group"]) == ("m", "f")
    assert (worst["highest_rate"], worst["lowest_rate"]) == pytest.approx((0.8, 0.2))
    assert worst["epsilon"] == pytest.approx(math.log(4))
    assert worst["smallest_cell"] == 5
    assert cells[cells["label"] == 0]["smallest_cell"].tolist() == [1, 1]
    assert cells[cells["label"] == 0]["epsilon"].tolist() == [0, 0]  # also of two rates of 0


@pytest.mark.parametrize(
    "kind",
    [
        list,
        np.array,
        pd.Series,
        lambda y: pd.Series(y, dtype=object),
        lambda y: pd.Series(y, dtype="category"),
    ],
)
def test_labels_may_be_text_of_any_kind(kind):
    labels, answers, groups = ["no", "yes", "no", "yes"], np.array(["no", "yes", "yes", "yes"]), [0, 0, 1, 1]
    epsilon = differential_equalized_odds([0, 1, 0, 1], [0, 1, 1, 1], sensitive_features=groups)
    assert differential_equalized_odds(kind(labels), answers, sensitive_features=groups) == epsilon


def test_intersections_and_metric_frame():
    y, answers, groups = draw(0)
    both = pd.DataFrame({"a": groups, "b": np.arange(60) % 2})
    cells = differential_equalized_odds_by_cell(y, answers, sensitive_features=both)
    assert isinstance(cells["highest_group"][0], tuple)
    region = np.arange(60) // 30
    frame = MetricFrame(
        metrics=differential_equalized_odds,
        y_true=y,
        y_pred=answers,
        sensitive_features=region,
        sample_params={"sensitive_features": groups},
    )
    first = region == 0
    assert frame.by_group[0] == pytest.approx(
        differential_equalized_odds(y[first], answers[first], sensitive_features=groups[first])
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"concentration": -1}, "concentration must be at least 0 and finite; got -1"),
        ({"concentration": np.inf}, "got inf"),
        ({"y_pred": ["a", "b", "b"]}, "y_true and y_pred must have labels of one kind"),
        ({"sensitive_features": [0, 1]}, "sensitive_features has 2 rows, but 3 are expected"),
        ({"sensitive_features": [0, 1, None]}, "sensitive_features"),
        ({"y_pred": [0, 1]}, "y_pred"),
        ({"sample_weight": [1, 1, -1]}, "sample_weight"),
    ],
)
def test_bad_input(changes, message):
    arguments = {"y_true": [0, 1, 1], "y_pred": [0, 1, 0], "sensitive_features": ["a", "b", "b"]} | changes
    with pytest.raises(ValueError, match=message):
        differential_equalized_odds(arguments.pop("y_true"), arguments.pop("y_pred"), **arguments)
