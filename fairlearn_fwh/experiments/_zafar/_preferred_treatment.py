"""The synthetic example of preferred treatment and preferred impact (Zafar et al. 2017, arXiv 1707.00010)."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression

from ...decoupling import DecoupledClassifier, PreferredTreatmentClassifier
from ...exceptions import ConstraintsNotSatisfiedWarning

#: Normal distributions of the features of the positive and of the negative class (Zafar et al., "Fairness Constraints:
#: Mechanisms for Fair Classification", AISTATS 2017, section 5).
_POSITIVE = ([2.0, 2.0], [[5.0, 1.0], [1.0, 5.0]])
_NEGATIVE = ([-2.0, -2.0], [[10.0, 1.0], [1.0, 3.0]])

#: People of each class, and the angle by which features are turned before they decide about groups: the smaller, the more
#: groups and classes coincide. The angle is the one with which the published numbers come out.
_PEOPLE, _ANGLE = 1000, np.pi / 8

#: Seed of the published numbers.
PUBLISHED_SEED = 1234

_COLUMNS = ["accuracy", "accepted_0", "accepted_1", "accepted_0_swapped", "accepted_1_swapped"]

#: Published with the authors' code: accuracy, acceptance rates of the groups 0 and 1 with their own, and
#: with the other group's classifier.
_PUBLISHED = {
    "unconstrained": [0.840, 0.20, 0.84, 0.19, 0.81],
    "parity": [0.558, 0.53, 0.52, np.nan, np.nan],
    "preferred impact": [0.758, 0.54, 0.85, 0.20, 0.96],
    "preferred treatment and impact": [0.742, 0.54, 0.96, 0.36, 0.96],
}


def run_zafar(seed: int = PUBLISHED_SEED) -> pd.DataFrame:
    """Fit the four classifiers of the synthetic example.

    Parameters
    ----------
    seed : int
        Seed of the data; 1234 is that of the published numbers.

    Returns
    -------
    DataFrame
        One row per classifier: test `accuracy`, acceptance rates of the groups 0 and 1 (`accepted_0`, `accepted_1`), those
        with the other group's classifier (`accepted_0_swapped`, `accepted_1_swapped`), and columns with the suffix ``_paper`` of
        the published values.

    Examples
    --------
    >>> from fairlearn_fwh.experiments._zafar._preferred_treatment import run_zafar
    >>> run_zafar().loc["parity", ["accuracy", "accuracy_paper"]].round(3).tolist()
    [0.558, 0.558]
    """
    X, y, z = _draw(seed)
    cut = int(0.7 * len(y))
    fit: dict[str, Any] = {"X": X[:cut], "y": y[:cut], "sensitive_features": z[:cut]}
    impact = PreferredTreatmentClassifier(
        preference="impact", regularization={0: 2.5, 1: 0.01}, random_state=seed
    )
    both = PreferredTreatmentClassifier(
        preference="both", regularization={0: 2.5, 1: 0.35}, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstraintsNotSatisfiedWarning)
        models = {
            "unconstrained": DecoupledClassifier(LogisticRegression(C=1e5)).fit(**fit),
            "preferred impact": impact.fit(**fit),
            "preferred treatment and impact": both.fit(**fit),
        }
    test = X[cut:], y[cut:], z[cut:]
    rows = {name: _figures(model.predict_by_group(test[0]), *test) for name, model in models.items()}
    assert impact.parity_estimator_ is not None
    parity = pd.DataFrame(dict.fromkeys((0, 1), impact.parity_estimator_.predict(test[0])))
    rows["parity"] = [*_figures(parity, *test)[:3], np.nan, np.nan]
    table = pd.DataFrame(rows, index=_COLUMNS).T.loc[list(_PUBLISHED)].rename_axis("classifier")
    published = pd.DataFrame(_PUBLISHED, index=[f"{column}_paper" for column in _COLUMNS]).T
    return table.join(published)


def zafar_markdown(table: pd.DataFrame, others: pd.DataFrame) -> str:
    """Write what `run_zafar` returns beside the published numbers and the spread over other draws.

    Parameters
    ----------
    table : DataFrame
        With the published seed.
    others : DataFrame
        Results with other seeds below one another, with a level `seed` in the index.

    Returns
    -------
    str
    """
    n = len(others.index.unique("seed"))
    mean, spread = (
        getattr(others[_COLUMNS].groupby(level="classifier"), f)().loc[table.index] for f in ("mean", "std")
    )
    shown = {}
    for column in _COLUMNS:
        shown[column] = [
            f"{a:.3f} ({b:.3f})" for a, b in zip(table[column], table[f"{column}_paper"], strict=True)
        ]
        shown[f"{column}, {n} draws"] = [
            f"{m:.3f} ± {s:.3f}" for m, s in zip(mean[column], spread[column], strict=True)
        ]
    text: str = (
        pd.DataFrame(shown, index=table.index).replace({"nan (nan)": "", "nan ± nan": ""}).to_markdown()
    )
    largest = np.nanmax(
        np.abs(table[_COLUMNS].to_numpy() - table[[f"{c}_paper" for c in _COLUMNS]].to_numpy())
    )
    return (
        "# Synthetic example of arXiv 1707.00010\n\n"
        f"One draw of 2,000 people (seed {PUBLISHED_SEED}), 1,400 for fitting; in brackets the published value; largest "
        f"difference {largest:.3f}. Then mean ± standard deviation over {n} other draws of the same size.\n\n{text}\n"
    )


def _draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw features, classes and groups.

    A person's group is drawn by the densities of the two classes at the turned features, so that it resembles the class.
    The order of draws and the way of shuffling are those with which the published numbers come out.
    """
    rng = np.random.RandomState(seed)
    X = np.vstack([rng.multivariate_normal(*parameters, _PEOPLE) for parameters in (_POSITIVE, _NEGATIVE)])
    order = _shuffled_as_by_python2(seed, len(X))
    X, y = X[order], np.repeat([1, 0], _PEOPLE)[order]
    turn = np.array([[np.cos(_ANGLE), -np.sin(_ANGLE)], [np.sin(_ANGLE), np.cos(_ANGLE)]])
    positive, negative = (stats.multivariate_normal(*p).pdf(X @ turn) for p in (_POSITIVE, _NEGATIVE))
    z = (rng.uniform(size=len(X)) < positive / (positive + negative)).astype(int)
    return X, y, z


def _shuffled_as_by_python2(seed: int, n: int) -> np.ndarray:
    """Shuffle by Fisher and Yates, drawing positions from floats as Python 2 did; Python 3 draws them from bits."""
    draw = random.Random(seed).random
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = int(draw() * (i + 1))
        order[[i, j]] = order[[j, i]]
    return order


def _figures(predicted: pd.DataFrame, X: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[float]:
    by_group = predicted[[0, 1]].to_numpy()
    own, other = by_group[np.arange(len(z)), z], by_group[np.arange(len(z)), 1 - z]
    return [
        float((own == y).mean()),
        *(float(own[z == group].mean()) for group in (0, 1)),
        *(float(other[z == group].mean()) for group in (0, 1)),
    ]
