"""Fits of the classifiers inside an ensemble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

#: How the reason of a fallback begins where a group's classifier could not be fitted.
FIT_FAILED = "its fit failed"


def clone_seeded(estimator: Any, random_state: np.random.RandomState) -> Any:
    """Clone an estimator and seed it (and what is nested in it) where the user has not."""
    copy = clone(estimator)
    names = [name for name in copy.get_params() if name == "random_state" or name.endswith("__random_state")]
    seeds = {name: random_state.randint(np.iinfo(np.int32).max) for name in sorted(names)}
    copy.set_params(**{name: seed for name, seed in seeds.items() if copy.get_params()[name] is None})
    return copy


def try_to_fit(fit: Callable[..., Any], *arguments: Any) -> tuple[Any, str]:
    """Fit a classifier of a group, whose people may be too few or too much alike for it.

    Parameters
    ----------
    fit : callable
        Fits and returns a classifier.
    *arguments
        What it is called with.

    Returns
    -------
    model : estimator or None
        None if the fit failed.
    reason : str
        Why it failed.
    """
    try:
        return fit(*arguments), ""
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        return None, f"{FIT_FAILED} ({type(error).__name__}: {first_line})"
