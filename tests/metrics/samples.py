"""Random predictions for tests of the metrics."""

import numpy as np


def random_sample(seed=0, n=400, n_groups=3, n_classes=2):
    """Labels, pooled predictions, predictions of all group classifiers, groups; all random."""
    rng = np.random.default_rng(seed)
    y, pooled = rng.integers(0, n_classes, (2, n))
    groups = rng.integers(0, n_groups, n)
    groups[:n_groups] = np.arange(n_groups)
    by_group = np.where(
        rng.random((n, n_groups)) < 0.7, y[:, None], rng.integers(0, n_classes, (n, n_groups))
    )
    return y, pooled, by_group, groups
