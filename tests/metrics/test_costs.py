import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame


@given(st.integers(2, 4), st.integers(0, 1000))
def test_costs_are_read_from_the_table(n_classes, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(0.1, 5, (n_classes, n_classes)) * (1 - np.eye(n_classes))
    classes = rng.permutation(list("dcba"[:n_classes]))
    y, predicted = rng.integers(0, n_classes, (2, 20))
    cost = MisclassificationCost(matrix, classes)
    np.testing.assert_array_equal(cost(classes[y], classes[predicted]), matrix[y, predicted])


def test_equal_costs_are_errors(rng):
    y, predicted, pooled = rng.integers(0, 2, (3, 200))
    plain, costs = (
        PreferenceFrame(y_true=y, y_pred=predicted, y_pred_pooled=pooled, loss=loss)
        for loss in ("zero_one", MisclassificationCost([[0, 1], [1, 0]], [0, 1]))
    )
    assert costs.overall["risk"] == plain.overall["risk"]
    assert costs.overall["rationality_gain"] == plain.overall["rationality_gain"]


def test_costs_have_limits_so_that_they_can_be_tested(rng):
    y, predicted, pooled = rng.integers(0, 2, (3, 5000))
    frame = PreferenceFrame(
        y_true=y, y_pred=predicted, y_pred_pooled=pooled, loss=MisclassificationCost([[0, 2], [1, 0]], [0, 1])
    )
    assert frame.certify(tolerance=1.0)["method"].tolist() == ["betting"]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0, 1]], "a row and a column for each of the 2 classes"),
        ([[0, np.nan], [1, 0]], "finite costs"),
        ([[0, -1], [1, 0]], "of at least 0"),
        ([[0, 0], [0, 0]], "some of them positive"),
        ([[1, 1], [1, 0]], "zero on its diagonal"),
    ],
)
def test_bad_costs_are_refused(matrix, message):
    with pytest.raises(ValueError, match=f"cost_matrix must .*{message}"):
        MisclassificationCost(matrix, [0, 1])


def test_unknown_labels_are_refused():
    with pytest.raises(ValueError, match=r"y_pred has the label 2; classes are \[0, 1\]"):
        MisclassificationCost([[0, 1], [1, 0]], [0, 1])(np.array([0, 1]), np.array([0, 2]))
