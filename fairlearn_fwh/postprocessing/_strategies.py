"""Exact ways to choose one classifier per group, given what each would score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

STRATEGIES = ("max_min", "min_gap", "max_overall", "in_order")

#: Differences between scores that are rounding.
_ROUNDING = 1e-12


def choose(scores: np.ndarray, allowed: np.ndarray, sizes: np.ndarray, strategy: str) -> np.ndarray:
    """Choose a classifier for every group.

    Parameters
    ----------
    scores : ndarray, shape (A, C)
        Score of each group (rows) under each candidate; greater is better. The first is the pooled classifier.
    allowed : ndarray of bool, shape (A, C)
        Which candidates may be chosen; the pooled classifier always may.
    sizes : ndarray, shape (A,)
        Weights of the groups in the overall score.
    strategy : {"max_min", "min_gap", "max_overall", "in_order"}
        "in_order" takes the first candidate that is allowed; "max_min" takes the best candidate of every group, which maximises the score of the worst-off group and the
        overall score alike; "min_gap" minimises the difference between the best and the worst-off group;
        "max_overall" maximises the overall score among choices whose gap is no larger than all-pooled's.
        Among equally good choices the pooled classifier and then the first candidate is taken.

    Returns
    -------
    ndarray of int, shape (A,)
        Column of the classifier of each group.
    """
    if strategy == "in_order":
        return np.where(allowed[:, 1:].any(axis=1), 1 + allowed[:, 1:].argmax(axis=1), 0)
    useful = _first_of_equals(scores, allowed)
    if strategy == "max_min":
        return np.where(useful, scores, -np.inf).argmax(axis=1)
    pooled = scores[:, 0]
    gap = np.ptp(pooled) if strategy == "max_overall" else _smallest_gap(scores, useful)
    return _best_within(scores, useful, sizes, float(gap))


def _first_of_equals(scores: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Of candidates with the same score keep the first, so that ties go to the pooled classifier."""
    useful = allowed.copy()
    useful[:, 0] = True
    for column in range(1, scores.shape[1]):
        earlier = np.abs(scores[:, :column] - scores[:, [column]]) <= _ROUNDING
        useful[:, column] &= ~(earlier & useful[:, :column]).any(axis=1)
    return useful


def _windows(
    scores: np.ndarray, useful: np.ndarray, gap: float | None
) -> Iterator[tuple[float, np.ndarray, list[int]]]:
    """Slide a window over the sorted scores.

    With a gap, yield for every score as lower end the window of that width, if all groups have a candidate in it; without,
    the narrowest window that they have one in.

    Yields
    ------
    width : float
    best : ndarray of int, shape (A,)
        Column of each group's largest candidate in the window; valid until the next step.
    changed : list of int
        Groups whose largest candidate has changed since the last window that was yielded.
    """
    groups, columns = np.nonzero(useful)
    values = scores[groups, columns]
    order = np.argsort(values, kind="stable")
    values, groups, columns = values[order], groups[order], columns[order]
    inside = np.zeros(len(scores), dtype=int)
    best = np.zeros(len(scores), dtype=int)
    missing, high, changed = len(scores), 0, []
    for low in range(len(values)):
        while high < len(values) and (
            missing > 0 if gap is None else values[high] - values[low] <= gap + _ROUNDING
        ):
            group = groups[high]
            missing -= inside[group] == 0
            inside[group] += 1
            best[group] = columns[high]  # scores come in ascending order: the last to enter is the largest
            changed.append(int(group))
            high += 1
        if missing == 0:
            yield float(values[high - 1] - values[low]), best, changed
            changed = []
        inside[groups[low]] -= 1
        missing += inside[groups[low]] == 0


def _smallest_gap(scores: np.ndarray, useful: np.ndarray) -> float:
    return min(width for width, _, _ in _windows(scores, useful, None))


def _best_within(scores: np.ndarray, useful: np.ndarray, sizes: np.ndarray, gap: float) -> np.ndarray:
    """Maximise the overall score subject to a gap; the pooled classifiers, or the narrowest window, are within it."""
    total, best_total = 0.0, -np.inf
    current = np.zeros(len(scores))
    choice = np.zeros(len(scores), dtype=int)
    for _, best, changed in _windows(scores, useful, gap):
        for group in changed:
            value = sizes[group] * scores[group, best[group]]
            total += value - current[group]
            current[group] = value
        if total > best_total + _ROUNDING * sizes.sum():
            best_total, choice = total, best.copy()
    return choice
