import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlearn_fwh.base._splits import fold_of_rows, hold_out, split_rows


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


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), min_size=2, max_size=80),
    st.floats(0.05, 0.95),
    st.integers(0, 5),
)
def test_holding_out_is_even_however_small_the_groups_are(rows, fraction, seed):
    classes, groups = np.array(rows).T
    fitting, held_out = hold_out(classes, groups, fraction, np.random.RandomState(seed))
    assert sorted([*fitting, *held_out]) == list(range(len(rows)))
    assert set(classes[fitting]) == set(classes)
    assert abs(len(held_out) - fraction * len(rows)) <= 3  # rounding, and rows given back to the fit
    for group in np.unique(groups):
        mine = groups == group
        assert abs(mine[held_out].sum() - fraction * mine.sum()) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_no_split_divides_a_unit(seed):
    rng = np.random.RandomState(seed)
    units, classes = rng.randint(0, 60, 400), rng.randint(0, 2, 400)
    classes[7] = 2  # of one row
    groups = rng.randint(0, 3, 400)
    folds = fold_of_rows(classes, 4, rng, units)
    splits = {
        "hold_out": hold_out(classes, groups, 0.3, rng, units),
        "split_rows": split_rows(classes, 0.2, 0.2, rng, units),
        "fold_of_rows": [np.flatnonzero(folds == fold) for fold in range(4)],
    }
    for name, parts in splits.items():
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(400)), name
        of_units = [set(units[part]) for part in parts]
        assert sum(map(len, of_units)) == len(set(units)), name
        if name != "fold_of_rows":
            assert set(classes[parts[0]]) == {0, 1, 2}
