"""Which groups can be shown so that small ones are told neither by themselves nor by what is shown of others.

What is shown are sums over people. A reader can work out whatever is a linear combination of them: those whom a loss does not concern, the rest of
everybody, what is between a margin and its intersections. A small group is told if it lies in the row space of what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ._groupings import hidden_by_losses
from ._measurement import Measurement

#: Most sums of overlapping groups for which row spaces are looked at; of more only what is simple is said.
_MOST_SUMS = 3000


def what_can_be_shown(parts: Mapping[str, Measurement], min_group_size: int) -> tuple[np.ndarray, bool]:
    """Say which groups are hidden, and whether figures of everybody can be shown beside the others.

    Parameters
    ----------
    parts : dict from str to Measurement
        Losses of one sample.
    min_group_size : int

    Returns
    -------
    hidden : ndarray of bool, shape (A,)
    everybody : bool
        Where groups overlap only if none is hidden. Where they do not, two that are hidden are told by nothing but each other; together they
        must not be small either, in any loss.
    """
    hidden = hidden_by_losses(parts, min_group_size)
    if not hidden.any():
        return hidden, True
    n = people_by_kind(parts)
    if not _overlap(parts):
        return hidden, int(hidden.sum()) > 1 and min(
            int(of_kind[hidden].sum()) for of_kind in n
        ) >= min_group_size
    rows = rows_by_kind(parts)
    if rows.shape[0] * rows.shape[1] > _MOST_SUMS:
        return hidden, False
    while True:
        shown = rows[:, ~hidden].reshape(-1, rows.shape[2])
        secret = rows[:, hidden][np.array(n)[:, hidden] > 0]
        if hidden.all() or not in_row_space(secret, shown).any():
            return hidden, False
        hidden[np.argmin(np.where(hidden, np.inf, n[0]))] = True


def _overlap(parts: Mapping[str, Measurement]) -> bool:
    return next(iter(parts.values())).n_once is not None


def _kinds(parts: Mapping[str, Measurement]) -> dict[object, Measurement]:
    """A loss for each kind of people: everybody, those with a positive label, the others."""
    return {(part.loss.concerns, part.loss.concerns and part.loss.pos_label): part for part in parts.values()}


def people_by_kind(parts: Mapping[str, Measurement]) -> list[np.ndarray]:
    """People of each audit group, shape (A,): of each kind that losses concern, and of everybody without them, which can be worked out."""
    kinds = list(_kinds(parts).values())
    shown = [part.levels.audit.n for part in kinds]
    everybody = [n for n, part in zip(shown, kinds, strict=True) if part.loss.concerns is None]
    others = [
        everybody[0] - n
        for n, part in zip(shown, kinds, strict=True)
        if everybody and part.loss.concerns is not None
    ]
    return [*shown, *others]


def rows_by_kind(parts: Mapping[str, Measurement]) -> np.ndarray:
    """Which unknowns are added up to the sums of `people_by_kind`, shape (kinds, A, m).

    Unknowns are the people of the smallest groups, of each kind that losses concern. That kinds make up everybody is not used: it could only tell
    what is worked out here as a difference.
    """
    kinds = list(_kinds(parts).values())
    atoms = np.unique(np.hstack([_members(part) for part in kinds]), axis=1)
    blocks = [
        np.hstack([atoms if i == j else np.zeros_like(atoms) for j in range(len(kinds))])
        for i in range(len(kinds))
    ]
    everybody = [block for block, part in zip(blocks, kinds, strict=True) if part.loss.concerns is None]
    others = [
        everybody[0] - block
        for block, part in zip(blocks, kinds, strict=True)
        if everybody and part.loss.concerns is not None
    ]
    return np.array([*blocks, *others])


def _members(measured: Measurement) -> np.ndarray:
    """Which of the smallest groups are in each audit group, shape (A, m)."""
    n_atoms = len(measured.audit) if measured.n_once is None else measured.n_once
    members = np.zeros((len(measured.layout.audit), n_atoms))
    members[measured.audit, np.arange(len(measured.audit)) % n_atoms] = 1
    return members


def in_row_space(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Whether each vector is a linear combination of rows.

    Parameters
    ----------
    vectors : ndarray, shape (c, m)
    rows : ndarray, shape (s, m)

    Returns
    -------
    ndarray of bool, shape (c,)
    """
    if not len(rows):
        return np.asarray(~vectors.any(axis=1))
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    basis = directions[sizes > 1e-9 * max(float(sizes.max()), 1.0)]
    rest = vectors - vectors @ basis.T @ basis
    return np.asarray(np.abs(rest).max(axis=1, initial=0.0) < 1e-8)
