"""Which of two labels is the positive one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def positive_label(labels: Iterable[Any], pos_label: Any) -> Any:
    """Find the positive one of two labels, by which scores are compared.

    Parameters
    ----------
    labels : iterable
        Those that occur.
    pos_label : label or None
        What the user says; None where labels tell it: 1 beside 0 or -1.

    Raises
    ------
    ValueError
        If there are not two labels, or the positive one is not known.
    """
    known = sorted(labels, key=lambda label: (str(type(label)), label))
    if len(known) != 2:
        raise ValueError(
            f"y_true must have two classes to compare scores by; it has {len(known)}: {known[:5]!r}."
        )
    if pos_label is None:
        if 1 not in known or not set(known) <= {0, 1, -1}:
            raise ValueError(f"pos_label is needed: the positive class among {known!r}.")
        return 1
    if pos_label not in known:
        raise ValueError(f"pos_label={pos_label!r} does not occur; labels are {known!r}.")
    return pos_label
