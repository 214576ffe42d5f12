"""In which loss a method decides who keeps a classifier of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..metrics._core._losses import LOSSES, Loss

#: Losses of labels that can be read from what a classifier predicts.
FALLBACK_LOSSES = ("zero_one", "missed", "false_alarm")


def read_fallback_loss(name: str, classes: np.ndarray) -> Loss:
    """Read the loss in which a method decides; the positive label is the second of two classes, as scikit-learn has it.

    Parameters
    ----------
    name : {"zero_one", "missed", "false_alarm"}
    classes : ndarray, shape (C,)
        Sorted classes.

    Raises
    ------
    ValueError
        If there are other than two classes, and the loss has a positive label.
    """
    loss = LOSSES[name]
    if loss.concerns is None:
        return loss
    if len(classes) != 2:
        raise ValueError(
            f"loss={name!r} needs two classes, of which the second is the positive one; y has {len(classes)}: {classes.tolist()[:10]!r}."
        )
    return replace(loss, pos_label=classes.tolist()[1])
