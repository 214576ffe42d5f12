"""Random predictions for tests of the metrics."""

import numpy as np

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._core._cells import LossCells
from fairlearn_fwh.metrics._core._layout import Layout
from fairlearn_fwh.metrics._core._losses import resolve_loss
from fairlearn_fwh.metrics._core._measurement import Measurement
from fairlearn_fwh.metrics._inference._bootstrap import BootstrapSettings


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


def frame_of_flips(n, own_worse, own_better, both_wrong, **more):
    """A frame of many audit groups, given by the numbers of people of each kind; shape (g,) each."""
    counts = np.column_stack([own_worse, own_better, both_wrong, n - own_worse - own_better - both_wrong])
    kinds = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=float)  # losses of own and pooled
    g = len(counts)
    cells = LossCells(
        assigned=np.repeat(np.arange(g), 4),
        audit=np.repeat(np.arange(g), 4),
        losses=np.tile(kinds, (g, 1)),
        disagrees=np.tile([True, True, False, False], g),
        n=counts.ravel(),
        weight=counts.ravel().astype(float),
        weight_squared=counts.ravel().astype(float),
    )
    layout = Layout(list(range(g)), ["group"], list(range(g)), ["group"])
    measured = Measurement.of_cells(
        cells, layout, resolve_loss("zero_one"), False, BootstrapSettings(None, True, None)
    )
    return PreferenceFrame._of(measured, more.get("ci_quantiles", (0.025, 0.05, 0.95, 0.975)))
