import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlearn_fwh._splits import fold_of_rows


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(2, 6), st.integers(0, 5))
def test_folds_are_even_within_every_class_and_overall(labels, n_folds, seed):
    labels = np.array(labels)
    folds = fold_of_rows(labels, n_folds, np.random.RandomState(seed))
    assert np.ptp(np.bincount(folds, minlength=n_folds)) <= 1
    for label in np.unique(labels):
        assert np.ptp(np.bincount(folds[labels == label], minlength=n_folds)) <= 1


def test_folds_are_random():
    labels = np.zeros(100, dtype=int)
    one, two = (fold_of_rows(labels, 2, np.random.RandomState(seed)) for seed in (0, 1))
    assert (one == two).mean() == pytest.approx(0.5, abs=0.2)
