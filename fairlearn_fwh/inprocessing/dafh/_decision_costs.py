"""What wrong decisions cost, where not every error costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...base._samples import Sample
from ...metrics import MisclassificationCost
from ...metrics._costs import check_costs


@dataclass(frozen=True)
class DecisionCosts:
    """Costs of decisions (columns) for people of each class (rows).

    Attributes
    ----------
    given : array-like, shape (C, C), or None
        As the user gives them; None if every error costs 1.
    classes : ndarray, shape (C,)
    """

    given: Any
    classes: np.ndarray

    def check(self) -> None:
        """Raise ValueError for costs that do not fit the classes."""
        if self.given is not None:
            check_costs(self.given, len(self.classes))

    @property
    def matrix(self) -> np.ndarray:
        """Costs, of which the largest is 1."""
        if self.given is None:
            return 1.0 - np.eye(len(self.classes))
        costs = check_costs(self.given, len(self.classes))
        return costs / costs.max()

    @property
    def largest(self) -> float:
        """Cost of the worst decision, in the user's units."""
        return 1.0 if self.given is None else float(np.max(self.given))

    @property
    def loss(self) -> Any:
        """The loss of a `PreferenceFrame`."""
        return "zero_one" if self.given is None else MisclassificationCost(self.given, self.classes)

    def weigh(self, sample: Sample) -> Sample:
        """Multiply weights by the mean cost of a wrong decision about each person."""
        if self.given is None:
            return sample
        costs = self.matrix.sum(axis=1) / (len(self.classes) - 1)
        weights = costs[np.searchsorted(self.classes, sample.y)]
        return Sample(sample.X, sample.y, weights if sample.weights is None else weights * sample.weights)

    def risk(self, sample: Sample, labels: np.ndarray) -> float:
        """Mean cost of decisions, in the user's units."""
        if not len(sample):
            return 0.0
        codes, predicted = (np.searchsorted(self.classes, y) for y in (sample.y, labels))
        return float(np.average(self.matrix[codes, predicted], weights=sample.weights)) * self.largest
