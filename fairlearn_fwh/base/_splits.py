"""Three kinds of rows: for fitting, for choosing, for certifying."""

from __future__ import annotations

import numpy as np


def split_rows(
    labels: np.ndarray,
    validation_fraction: float,
    certify_fraction: float,
    random_state: np.random.RandomState,
    units: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split rows class by class, so that every class is among the fitting rows, and no unit is divided.

    scikit-learn's stratified splitters refuse classes with one row; here such a row is for fitting.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class of each row.
    validation_fraction : float
        Share of the rows that are not for certifying.
    certify_fraction : float
        Share of all rows.
    random_state : RandomState
    units : ndarray of int, shape (n,), optional
        Whose rows belong together; shares are of units then, by the class of their first rows.

    Returns
    -------
    fitting, validation, certifying : ndarray of int
        Positions of rows; the last two may be empty where there are very few rows.
    """
    if units is not None:
        _, first, unit_of_row = np.unique(units, return_index=True, return_inverse=True)
        of_units = split_rows(labels[first], validation_fraction, certify_fraction, random_state)
        parts_of_rows = [np.flatnonzero(np.isin(unit_of_row, part)) for part in of_units]
        return _with_every_class(labels, unit_of_row, parts_of_rows)
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in np.unique(labels):
        rows = random_state.permutation(np.flatnonzero(labels == label))
        n_certify = int(certify_fraction * len(rows))
        n_validation = int(validation_fraction * (len(rows) - n_certify))
        cuts = np.split(rows, [n_certify, n_certify + n_validation])
        for part, cut in zip(parts, (cuts[2], cuts[1], cuts[0]), strict=True):
            part.append(cut)
    fitting, validation, certifying = (np.sort(np.concatenate(part)) for part in parts)
    return fitting, validation, certifying


def _with_every_class(
    labels: np.ndarray, unit_of_row: np.ndarray, parts: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move units to the fitting rows until every class is there."""
    fitting, *others = parts
    for label in np.setdiff1d(labels, labels[fitting]):
        unit = unit_of_row[np.flatnonzero(labels == label)[0]]
        moved = np.flatnonzero(unit_of_row == unit)
        fitting, others = np.union1d(fitting, moved), [np.setdiff1d(part, moved) for part in others]
    return fitting, others[0], others[1]


def hold_out(
    classes: np.ndarray,
    groups: np.ndarray,
    fraction: float,
    random_state: np.random.RandomState,
    units: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hold out a share of the rows, evenly over groups and classes however small they are; no unit is divided.

    Parameters
    ----------
    classes, groups : ndarray of int, shape (n,)
        Class and group of each row.
    fraction : float
        Share of the rows that is held out.
    random_state : RandomState
    units : ndarray of int, shape (n,), optional
        Whose rows belong together; shares are of units then, by class and group of their first rows.

    Returns
    -------
    fitting, held_out : ndarray of int
        Positions of rows. Every class has a row for fitting; the rest may be empty where there are very few rows.
    """
    if units is not None:
        return _hold_out_units(classes, groups, units, fraction, random_state)
    n = len(classes)
    shuffled = random_state.permutation(n)
    order = shuffled[np.lexsort((classes[shuffled], groups[shuffled]))]
    # Every 1 / fraction-th row in the order of groups and classes, from a random one on.
    steps = np.floor(np.arange(n + 1) * fraction + random_state.uniform())
    held_out = np.zeros(n, dtype=bool)
    held_out[order] = np.diff(steps) > 0
    for label in np.setdiff1d(classes, classes[~held_out]):
        held_out[np.flatnonzero(classes == label)[0]] = False
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _hold_out_units(
    classes: np.ndarray,
    groups: np.ndarray,
    units: np.ndarray,
    fraction: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    _, first, unit_of_row = np.unique(units, return_index=True, return_inverse=True)
    _, held_out = hold_out(classes[first], groups[first], fraction, random_state)
    inside = np.isin(unit_of_row, held_out)
    for label in np.setdiff1d(classes, classes[~inside]):
        inside[unit_of_row == unit_of_row[np.flatnonzero(classes == label)[0]]] = False
    return np.flatnonzero(~inside), np.flatnonzero(inside)


def fold_of_rows(
    labels: np.ndarray, n_folds: int, random_state: np.random.RandomState, units: np.ndarray | None = None
) -> np.ndarray:
    """Deal rows to folds class by class, so that no two folds differ by more than one row of a class; no unit is divided.

    Parameters
    ----------
    labels : ndarray, shape (n,)
        Class of each row; classes may be smaller than the number of folds.
    n_folds : int
    random_state : RandomState
    units : ndarray of int, shape (n,), optional
        Whose rows belong together; units are dealt then, by the class of their first rows.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    if units is not None:
        _, first, unit_of_row = np.unique(units, return_index=True, return_inverse=True)
        return fold_of_rows(labels[first], n_folds, random_state)[unit_of_row]
    shuffled = random_state.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    folds = np.empty(len(labels), dtype=int)
    folds[order] = np.arange(len(labels)) % n_folds
    return folds
