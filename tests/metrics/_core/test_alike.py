"""Counting kinds of rows gives what adding up rows gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._core._alike import code_labels, count_kinds


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(0.5, 2)), min_size=1), st.booleans()
)
def test_kinds_are_the_distinct_rows(rows, is_weighted):
    first, second, weights = map(np.array, zip(*rows, strict=True))
    kinds, n, weight, squared = count_kinds([first, second], [3, 4], weights if is_weighted else None)
    distinct, inverse = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)
    expected = weights if is_weighted else np.ones(len(rows))
    assert np.column_stack(kinds).tolist() == distinct.tolist()
    assert n.tolist() == np.bincount(inverse.ravel()).tolist()
    np.testing.assert_allclose(weight, np.bincount(inverse.ravel(), expected))
    np.testing.assert_allclose(squared, np.bincount(inverse.ravel(), expected**2))


@pytest.mark.parametrize(
    "column",
    [
        np.array([True, False, True]),
        np.array([7, 8, 7]),
        np.array([5, 5]),
        np.array([-128, 127, 0], dtype=np.int8),
        np.array([250, 255], dtype=np.uint8),
        np.array([2**62, -(2**62)]),
        np.array([1, 9, 4]),
        np.array(["b", "a", "b"], dtype=object),
        np.array([0.0, 2.0]),
    ],
    ids=str,
)
def test_codes_are_positions_of_labels(column):
    codes, labels = code_labels(column)
    assert labels[codes.astype(int)].tolist() == column.tolist()
    assert labels.dtype == column.dtype


@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_frame_is_that_of_the_same_losses_as_numbers(rng, is_weighted):
    n = 500
    y, own, pooled = rng.integers(0, 3, (3, n))
    sample = {"sensitive_features": rng.choice(["a", "b", "c"], n)} | (
        {"sample_weight": rng.random(n)} if is_weighted else {}
    )
    counted = PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=pooled, **sample)

    def wrong(y_true, y_pred):
        return (y_true != y_pred).astype(float)

    added = PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=pooled, loss=wrong, **sample)
    assert counted.by_group.index.tolist() == added.by_group.index.tolist()
    # Of a function of numbers there is no accuracy.
    for ours, theirs in ((counted.by_group, added.by_group), (counted.overall, added.overall)):
        np.testing.assert_allclose(
            *(
                part.drop(["accuracy", "pooled_accuracy"], axis=part.ndim - 1, errors="ignore").astype(float)
                for part in (ours, theirs)
            )
        )
