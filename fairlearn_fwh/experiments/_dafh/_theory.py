"""The DAFH paper's two theorems (arXiv 2509.24077), as far as data can speak of them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from ...metrics import PreferenceFrame


def held_out_objective(frame: PreferenceFrame, alpha: float = 0.05) -> pd.Series:
    """Estimate the objective, eq. (1), with the interval of Theorem 1.

    The theorem applies Hoeffding's inequality to classifiers as if they were not fitted on the sample. That holds only for
    a frame of rows that took no part in fitting or choosing; on training rows the interval means nothing. It is wide: with
    two groups, of which the smaller has 1,000 people, the objective is known up to 0.16.

    Parameters
    ----------
    frame : PreferenceFrame
        Of 0-1 losses on held-out rows, with all groups' classifiers.
    alpha : float
        Probability that the interval misses.

    Returns
    -------
    Series
        `objective` ``(1/K) sum_k {R_k(h_0) - R_k(h_k) + (1/K) sum_j [R_k(h_j) - R_k(h_k)]}``, `lower`, `upper`, `epsilon`
        ``sqrt(9 / (2 n_min) log(2 K (K + 1) / alpha))`` and `smallest_group`.

    Raises
    ------
    ValueError
        If the frame has no other groups' classifiers, its loss is not the 0-1 loss, or `alpha` is not between 0 and 1.

    References
    ----------
    Cai, Khalili and Zhang, arXiv 2509.24077, eq. (1) and Theorem 1.

    Examples
    --------
    >>> from fairlearn_fwh.experiments._dafh._theory import held_out_objective
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(
    ...     y_true=[1] * 2000, y_pred_pooled=[0, 1] * 1000, y_pred_by_group=[[1, 0]] * 1000 + [[0, 1]] * 1000,
    ...     groups=[0] * 1000 + [1] * 1000)
    >>> held_out_objective(frame).round(2).to_dict()
    {'objective': 1.0, 'lower': 0.84, 'upper': 1.16, 'epsilon': 0.16, 'smallest_group': 1000.0}
    """
    if not frame.has_envy or frame.loss_name != "zero_one":
        raise ValueError("frame must be of 0-1 losses, with the classifiers of all groups.")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1; got {alpha!r}.")
    risk = frame.risk_matrix
    by_group = risk[[label for label in risk.columns if label != "pooled"]].to_numpy()
    own, pooled = np.diag(by_group), risk["pooled"].to_numpy()
    k = len(own)
    objective = float((pooled - own + by_group.mean(axis=1) - own).mean())
    smallest = frame.by_group["n"].min()
    epsilon = float(np.sqrt(9 / (2 * smallest) * np.log(2 * k * (k + 1) / alpha)))
    return pd.Series(
        {
            "objective": objective,
            "lower": objective - epsilon,
            "upper": objective + epsilon,
            "epsilon": epsilon,
            "smallest_group": float(smallest),
        }
    )


def estimate_discrepancy(
    X: np.ndarray,
    y: np.ndarray,
    X_eval: np.ndarray,
    learned: np.ndarray,
    given: np.ndarray,
    *,
    n_classifiers: int = 20,
    random_state: int = 0,
) -> pd.DataFrame:
    """Estimate the discrepancy between learned groups and given ones, of which Theorem 2 makes a bound.

    The discrepancy is the largest difference, over pairs of classifiers of the class, between the rates at which they disagree in the
    one group and in the other. All pairs cannot be tried; here the pairs are of logistic regressions trained on random
    tenths of the rows, so that the estimate is from below.

    Parameters
    ----------
    X, y : ndarray
        Rows on which classifiers are trained.
    X_eval : ndarray, shape (n, d)
        Rows whose groups are compared.
    learned, given : ndarray, shape (n,)
        Their groups.
    n_classifiers : int
    random_state : int

    Returns
    -------
    DataFrame
        One row per learned group: the `given` group that is nearest, their `discrepancy`, and `bound`, three times the
        largest discrepancy (the same in all rows).

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.experiments._dafh._theory import estimate_discrepancy
    >>> X = np.random.default_rng(0).standard_normal((2000, 2))
    >>> y, side = X[:, 0] > 0, X[:, 1] > 0
    >>> estimate_discrepancy(X, y, X, side, side)["discrepancy"].tolist()  # the same groups
    [0.0, 0.0]
    """
    rng = np.random.RandomState(random_state)
    answers: list[np.ndarray] = []
    while len(answers) < n_classifiers:
        rows = rng.choice(len(y), max(len(y) // 10, 20), replace=False)
        if (y[rows] != y[rows[0]]).any():
            answers.append(LogisticRegression(max_iter=2000).fit(X[rows], y[rows]).predict(X_eval))
    pairs = itertools.combinations(answers, 2)
    differ = np.stack([first != second for first, second in pairs], axis=1)
    rates = {
        name: {label: differ[groups == label].mean(axis=0) for label in np.unique(groups)}
        for name, groups in (("learned", learned), ("given", given))
    }
    rows_out: list[dict[str, Any]] = []
    for label, rate in rates["learned"].items():
        distances = {other: float(np.abs(rate - r).max()) for other, r in rates["given"].items()}
        nearest = min(distances, key=lambda other: distances[other])
        rows_out.append({"learned": label, "given": nearest, "discrepancy": distances[nearest]})
    table = pd.DataFrame(rows_out).set_index("learned")
    return table.assign(bound=3 * table["discrepancy"].max())
