"""Tables of several losses beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import pandas as pd

from ._core._layout import Layout
from ._core._measurement import Measurement
from ._inference._claims_of_losses import LOSS
from ._inference._intervals import Bounds
from ._tables import Tables


@dataclass(frozen=True)
class TablesOfLosses:
    """What `PreferenceFrame` shows of a sample that was measured in several losses: columns have the loss as their first level.

    Attributes
    ----------
    by_loss : dict from str to Tables
    """

    by_loss: Mapping[str, Tables]

    @property
    def first(self) -> Tables:
        """Tables of the first loss."""
        return next(iter(self.by_loss.values()))

    @property
    def measured(self) -> Measurement:
        """Several losses have no single measurement.

        Raises
        ------
        ValueError
            Always.
        """
        self._refuse("This")

    @property
    def bounds(self) -> Bounds:
        """Several losses have no bounds in common.

        Raises
        ------
        ValueError
            Always.
        """
        self._refuse("This")

    def _refuse(self, what: str) -> NoReturn:
        raise ValueError(
            f"{what} is for one loss; the frame has {list(self.by_loss)}. Choose one: frame[{next(iter(self.by_loss))!r}]."
        )

    @property
    def ci_quantiles(self) -> tuple[float, ...]:
        """Quantiles at which there are bounds."""
        return self.first.ci_quantiles

    @property
    def layout(self) -> Layout:
        """Labels of the rows and columns, the same in all losses."""
        return self.first.layout

    @property
    def empty_groups(self) -> list[Any]:
        """Group classifiers that serve nobody whom any of the losses concerns."""
        return [
            group
            for group in self.first.empty_groups
            if all(group in tables.empty_groups for tables in self.by_loss.values())
        ]

    @cached_property
    def overall(self) -> pd.Series | pd.DataFrame:
        """Figures of the whole sample."""
        return self._beside(lambda tables: tables.overall)

    @cached_property
    def by_group(self) -> pd.DataFrame:
        """Figures of each audit group."""
        return self._beside(lambda tables: tables.by_group)

    @cached_property
    def risk_matrix(self) -> pd.DataFrame:
        """Risk of each assigned group under each group's classifier and the pooled one."""
        return self._beside(lambda tables: tables.risk_matrix)

    @cached_property
    def envy_matrix(self) -> pd.DataFrame:
        """Gain of each assigned group over each group's classifier."""
        return self._beside(lambda tables: tables.envy_matrix)

    @cached_property
    def overall_ci(self) -> dict[float, pd.Series | pd.DataFrame]:
        """Bounds of `overall`."""
        return self._bounds(lambda tables: tables.overall_ci)

    @cached_property
    def by_group_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `by_group`."""
        return self._bounds(lambda tables: tables.by_group_ci)

    @cached_property
    def risk_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `risk_matrix`."""
        return self._bounds(lambda tables: tables.risk_matrix_ci)

    @cached_property
    def envy_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `envy_matrix`."""
        return self._bounds(lambda tables: tables.envy_matrix_ci)

    def to_frame(self) -> pd.DataFrame:
        """Return every figure with its bounds as one tidy table, with a column for the loss."""
        parts = {name: tables.to_frame() for name, tables in self.by_loss.items()}
        for name, table in parts.items():
            table.insert(0, LOSS, name)
        return pd.concat(parts.values(), ignore_index=True)

    def replicates(self, figure: str, table: str = "by_group") -> pd.DataFrame:
        """Return the bootstrap distribution of a figure in every loss."""
        return self._beside(lambda tables: tables.replicates(figure, table))

    def envy_margin(self, reduce: str = "min") -> float:
        """Refuse: losses have different units.

        Raises
        ------
        ValueError
            Always.
        """
        self._refuse("envy_margin")

    def group_min(self) -> pd.Series | pd.DataFrame:
        """Return the smallest value of each column of `by_group` over the groups."""
        return self._beside(lambda tables: tables.group_min())

    def group_max(self) -> pd.Series | pd.DataFrame:
        """Return the largest value of each column of `by_group` over the groups."""
        return self._beside(lambda tables: tables.group_max())

    def difference(self, method: str = "between_groups") -> pd.Series | pd.DataFrame:
        """Return the largest difference of each column of `by_group` over the groups."""
        return self._beside(lambda tables: tables.difference(method))

    def _beside(self, table_of: Callable[[Tables], Any]) -> Any:
        return _beside({name: table_of(tables) for name, tables in self.by_loss.items()})

    def _bounds(self, table_of: Callable[[Tables], dict[float, Any]]) -> dict[float, Any]:
        bounds = {name: table_of(tables) for name, tables in self.by_loss.items()}
        return {q: _beside({name: of_loss[q] for name, of_loss in bounds.items()}) for q in self.ci_quantiles}


def _beside(parts: Mapping[str, Any]) -> Any:
    if isinstance(next(iter(parts.values())), pd.Series):
        return pd.concat(parts, names=[LOSS, "figure"])
    return pd.concat(parts, axis=1)
