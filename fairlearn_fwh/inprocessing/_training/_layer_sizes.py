"""Sizes of layers that users give."""

from __future__ import annotations

from numbers import Integral
from typing import Any


def check_layer_sizes(name: str, sizes: Any, *, at_least: int = 0) -> None:
    """Raise ValueError unless all sizes are positive integers, and there are as many as at least must be."""
    listed = list(sizes)
    if len(listed) < at_least or not all(
        isinstance(size, Integral) and not isinstance(size, bool) and int(size) > 0 for size in listed
    ):
        wanted = "positive integers, at least one" if at_least else "positive integers"
        raise ValueError(f"{name} must be {wanted}; got {sizes!r}.")
