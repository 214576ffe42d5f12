"""Generated data in which two attributes matter only together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ._bunch import make_bunch

_SHIFT, _SPREAD = 0.4, 0.3

_DESCRIPTION = """Generated intersectional data

Source: Cai, Khalili and Zhang, "Demographic-Agnostic Fairness without Harm" (arXiv 2509.24077), section 6.1.
s1, s2 and y are independent and uniform on {-1, 1}; x1 ~ N(s1 + 0.4 s1 s2 y, 0.3), x2 ~ N(s2 + 0.4 s1 s2 y, 0.3), with
0.3 the standard deviation. The rule flips its sign with s1 s2, so neither attribute alone separates the groups.
The best possible accuracy is Phi(0.4 sqrt(2) / 0.3) = 0.970. Target 1 is y = 1.
"""


def make_intersectional(n_samples: int = 20000, *, random_state: Any = None, return_X_y: bool = False) -> Any:
    """Generate the synthetic data of the DAFH paper: two groups with opposite rules, seen in no single attribute.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    random_state : int, RandomState or None
        Seed.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (n, 2), `target` (0 or 1), `sensitive_features` (s1, s2 in {-1, 1}), `feature_names`, `target_names`,
        `DESCR`.

    Raises
    ------
    ValueError
        If `n_samples` is not positive.

    References
    ----------
    Cai, Khalili and Zhang, "Demographic-Agnostic Fairness without Harm", arXiv 2509.24077, section 6.1.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import make_intersectional
    >>> make_intersectional(1000, random_state=0).data.shape
    (1000, 2)
    """
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1; got {n_samples!r}.")
    rng = check_random_state(random_state)
    s1, s2, y = rng.choice([-1, 1], size=(3, n_samples))
    shift = _SHIFT * s1 * s2 * y
    raw = pd.DataFrame({"x1": s1 + shift, "x2": s2 + shift}) + _SPREAD * rng.standard_normal((n_samples, 2))
    return make_bunch(
        raw,
        features=["x1", "x2"],
        target=pd.Series(y == 1, name="y"),
        target_names=["-1", "1"],
        sensitive_features={"s1": pd.Series(np.asarray(s1)), "s2": pd.Series(np.asarray(s2))},
        description=_DESCRIPTION,
        return_X_y=return_X_y,
    )
