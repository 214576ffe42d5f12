"""What happens in a training, as its callbacks find it and its caller reads it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

#: A member's quality on validation data; larger tuples are better.
Key = tuple[float, ...]

#: Takes the module and returns a key and figures for every member that it has.
Validation = Callable[[Any], list[tuple[Key, dict[str, Any]]]]


class EndOfTraining(Exception):  # noqa: N818  # it is not an error
    """Ends training before its last epoch."""


@dataclass
class History:
    """Costs, validation figures and best state of each member.

    Attributes
    ----------
    n_members : int
        R.
    max_epochs : int
        Epochs after which training ends by itself.
    costs : list of ndarray, shape (R,)
        Mean cost of each member in each epoch; NaN for those that were dropped.
    figures : list of dicts from member to dict
        What `validate` said of each member after each epoch.
    keys : dict from member to Key
        Of the members after the last epoch.
    best : dict from member to (key, epoch, state)
        Best validation key of each member, when it was reached, and the member's parameters then.
    members : list of int
        Members in the module, in its order.
    alive : list of int
        Those that were not dropped; several processes keep the dropped ones in the module, but do not look at them.
    exhausted : bool
        Whether there is nothing more to be gained.
    """

    n_members: int
    max_epochs: int
    costs: list[np.ndarray] = field(default_factory=list)
    figures: list[dict[int, dict[str, Any]]] = field(default_factory=list)
    keys: dict[int, Key] = field(default_factory=dict)
    best: dict[int, tuple[Key, int, dict[str, np.ndarray]]] = field(default_factory=dict)
    members: list[int] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)
    exhausted: bool = False

    def __post_init__(self) -> None:
        self.members = list(range(self.n_members))
        self.alive = list(self.members)

    @property
    def epoch(self) -> int:
        """Number of the epoch that has ended last, from 1 on."""
        return len(self.costs)

    @property
    def interrupted(self) -> bool:
        """Whether training ended before its time."""
        return not self.exhausted and len(self.figures) < self.max_epochs

    def best_key(self, member: int) -> Key:
        """Best key of a member so far; the worst of all if it never had any, because its figures are not finite."""
        return self.best[member][0] if member in self.best else (-np.inf,)

    @property
    def leader(self) -> int:
        """The member with the best key so far."""
        return max(self.alive, key=self.best_key)

    def stop_at_infinity(self, what: str) -> None:
        """End training because something has grown without bound; the best state is kept if there is one.

        Raises
        ------
        FloatingPointError
            If there is none.
        EndOfTraining
            If there is one.
        """
        message = f"{what}; lower the learning rates, or look for huge values among the features."
        if not self.best:
            raise FloatingPointError(message)
        warnings.warn(f"{message} The best state before is kept.", ConvergenceWarning, stacklevel=3)
        self.exhausted = True
        raise EndOfTraining
