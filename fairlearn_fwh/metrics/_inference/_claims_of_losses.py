"""One family of claims about several losses of the same people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ._claims import Claims, Tests, shares_of_alpha, significant
from ._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values

#: Name of the column that says which loss a claim is about.
LOSS = "loss"


@dataclass(frozen=True)
class ClaimsOfLosses:
    """Claims about every loss; p-values are adjusted over losses and groups together.

    Attributes
    ----------
    by_loss : dict from str to Claims
        The groups of one position are the same people in all of them.
    """

    by_loss: Mapping[str, Claims]

    def tested(self) -> np.ndarray:
        """Claims that need a test, loss after loss."""
        return np.concatenate([part.tested() for part in self.by_loss.values()])

    def certify(
        self,
        tolerance: Mapping[str, float],
        alpha: float,
        method: str,
        correction: str | None,
        weights: np.ndarray | None = None,
    ) -> pd.DataFrame:
        """Test each claim for non-inferiority; see `PreferenceFrame.certify`. A group's share of alpha is divided among the losses."""
        tests = [part.certificate_tests(tolerance[name], method) for name, part in self.by_loss.items()]
        shared = None if weights is None else np.tile(weights / len(self.by_loss), len(self.by_loss))
        adjusted = self._split(self._adjust(tests, correction, shared))
        shares = self._split(shares_of_alpha(self.tested(), correction, shared))
        return self._together(
            part.certificates(tests[i].p_values, adjusted[i], tolerance[name], alpha, method, shares[i])
            for i, (name, part) in enumerate(self.by_loss.items())
        )

    def test_harm(self, correction: str | None, margin: Mapping[str, float]) -> pd.DataFrame:
        """Test each claim for a violation; see `PreferenceFrame.harm_tests`."""
        tests = [part.harm_tests(margin[name]) for name, part in self.by_loss.items()]
        adjusted = self._split(self._adjust(tests, correction, None))
        return self._together(
            part.contradictions(tests[i].p_values, adjusted[i])
            for i, part in enumerate(self.by_loss.values())
        )

    def violations(
        self, alpha: float | None, correction: str | None, margin: Mapping[str, float]
    ) -> pd.DataFrame:
        """Return the claims that the sample contradicts; see `PreferenceFrame.violations`."""
        if alpha is None:
            return self._together(part.below(margin[name]) for name, part in self.by_loss.items())
        tests = self.test_harm(correction, margin)
        return significant(tests, alpha, tests[LOSS].map(margin))

    def intervals(self, alpha: float) -> pd.DataFrame:
        """Two-sided interval of each gain by itself; see `PreferenceFrame.gain_intervals`."""
        return self._together(part.intervals(alpha) for part in self.by_loss.values())

    def _adjust(self, tests: list[Tests], correction: str | None, weights: np.ndarray | None) -> np.ndarray:
        """Adjust over all losses; of overlapping groups with the law that they have together within each loss, and Bonferroni over the losses."""
        parts = list(self.by_loss.values())
        if correction == MIN_P and weights is None and all(part.joint is not None for part in parts):
            adjusted = [
                part.adjust(test.p_values, correction, test.laws)
                for part, test in zip(parts, tests, strict=True)
            ]
            return np.minimum(len(parts) * np.concatenate(adjusted), 1.0)
        tested = np.flatnonzero(self.tested())
        p_values = np.concatenate([test.p_values for test in tests])
        result = np.full(len(p_values), np.nan)
        result[tested] = adjust_p_values(
            p_values[tested],
            correction,
            laws=NullLaws.joined([test.laws for test in tests]).of(tested),
            people=SharedPeople.joined([part.people for part in parts]).of(tested),
            weights=None if weights is None else weights[tested],
        )
        return result

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        ends = np.cumsum([len(part.table) for part in self.by_loss.values()])
        return np.split(values, ends[:-1])

    def _together(self, tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """Put tables of all losses below each other, with the loss in the first column."""
        parts: list[Any] = list(tables)
        for name, table in zip(self.by_loss, parts, strict=True):
            table.insert(0, LOSS, name)
        return pd.concat(parts, ignore_index=True)
