"""The tables of a preference frame: figures, their bounds, and what can be read off them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ._core._figures import (
    Levels,
    envy_gains,
    group_figures,
    nan_max,
    nan_min,
    others_envy,
    overall_figures,
    risks,
)
from ._core._layout import Layout
from ._core._measurement import Measurement
from ._core._sums import Totals
from ._inference._intervals import Bounds

_TABLES = ("overall", "by_group", "risk_matrix", "envy_matrix")


@dataclass(frozen=True)
class Tables:
    """What `PreferenceFrame` shows of a measured sample; the frame documents each table.

    Attributes
    ----------
    measured : Measurement
    ci_quantiles : tuple of float
        Quantiles at which there are bounds.
    """

    measured: Measurement
    ci_quantiles: tuple[float, ...]

    @property
    def layout(self) -> Layout:
        """Labels of the rows and columns."""
        return self.measured.layout

    @cached_property
    def empty_groups(self) -> list[Any]:
        """Group classifiers that serve nobody."""
        layout, n = self.layout, self.measured.levels.assigned.n
        served = n.reshape(len(layout.controls), -1).sum(axis=0)
        return [group for group, n in zip(layout.groups, served, strict=True) if n == 0]

    @cached_property
    def bounds(self) -> Bounds:
        """Bounds of every entry."""
        m = self.measured
        return Bounds(
            levels=m.levels,
            layout=m.layout,
            loss=m.loss,
            weighted=not m.counts_alike,
            heaviest=m.heaviest,
            audit_is_pooled=m.audit_is_pooled,
            row_of_audit=m.row_of_audit,
        )

    @cached_property
    def risk_matrix(self) -> pd.DataFrame:
        """Risk of each assigned group under each group's classifier and the pooled one."""
        return self._risk_table(risks(self.measured.levels.assigned, self.layout))

    @cached_property
    def envy_matrix(self) -> pd.DataFrame:
        """Gain of each assigned group over each group's classifier."""
        return self._envy_table(envy_gains(self.measured.levels.assigned, self.layout))

    def _risk_table(self, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, self.layout.assigned_index(), self.layout.classifier_index(pooled=True))

    def _envy_table(self, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, self.layout.assigned_index(), self.layout.classifier_index())

    @cached_property
    def overall(self) -> pd.Series | pd.DataFrame:
        """Figures of the whole sample, or of each level of the control features."""
        levels = self.measured.levels
        return self._overall_table({"n": levels.overall.n.astype(float)} | self._overall_figures(levels))

    def _overall_table(self, figures: dict[str, np.ndarray]) -> pd.Series | pd.DataFrame:
        if self.layout.control_names:
            return pd.DataFrame(figures, self.layout.control_index())
        return pd.Series({name: values[0] for name, values in figures.items()}, dtype=float)

    def _overall_figures(self, levels: Levels[Any]) -> dict[str, np.ndarray]:
        return overall_figures(levels, self.layout, has_accuracy=self.measured.loss.counts_errors)

    @cached_property
    def by_group(self) -> pd.DataFrame:
        """Figures of each audit group."""
        levels, rows = self.measured.levels, self.measured.row_of_audit
        envy = others_envy(levels.assigned, self.layout)
        smallest = np.append(nan_min(envy), np.nan)[rows]
        figures = group_figures(levels.audit)
        table = pd.DataFrame({"n": levels.audit.n} | figures, self.layout.audit_index())
        most_envied = [
            self.layout.groups[int(np.nanargmin(envy[row]))] if gain < 0 else None
            for row, gain in zip(rows, smallest, strict=True)
        ]
        table.insert(4, "envy_gain", smallest)
        table.insert(5, "most_envied", pd.Series(most_envied, table.index, dtype=object))
        return table

    @cached_property
    def overall_ci(self) -> dict[float, pd.Series | pd.DataFrame]:
        """Bounds of `overall` at each of `ci_quantiles`."""
        order = self.overall.axes[-1]
        tables = {q: self._overall_table(self._with_n(self.bounds.overall(q))) for q in self.ci_quantiles}
        return {q: table[order] for q, table in tables.items()}

    @cached_property
    def by_group_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `by_group` at each of `ci_quantiles`."""
        columns = [name for name in self.by_group.columns if name != "most_envied"]
        return {
            q: pd.DataFrame(self._with_n(self.bounds.by_group(q)), self.by_group.index)[columns]
            for q in self.ci_quantiles
        }

    @cached_property
    def risk_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `risk_matrix` at each of `ci_quantiles`."""
        return {q: self._risk_table(self.bounds.risks(q)) for q in self.ci_quantiles}

    @cached_property
    def envy_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `envy_matrix` at each of `ci_quantiles`."""
        return {q: self._envy_table(self.bounds.envy(q)) for q in self.ci_quantiles}

    @staticmethod
    def _with_n(bounds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Counts have no bounds."""
        return {"n": np.full(len(bounds["risk"]), np.nan)} | bounds

    def to_frame(self) -> pd.DataFrame:
        """Return every figure with its bounds as one tidy table."""
        methods = self.bounds.methods()
        parts = []
        for name in _TABLES:
            table, bounds = getattr(self, name), getattr(self, f"{name}_ci")
            table = table.to_frame().T if isinstance(table, pd.Series) else table
            low, high = bounds[min(self.ci_quantiles)], bounds[max(self.ci_quantiles)]
            table = table.drop(columns="most_envied", errors="ignore")
            size = self._size_of_rows(name)
            values = table.to_numpy(dtype=float)
            n_columns = values.shape[1]
            groups = [label for label in table.index for _ in range(n_columns)]
            part = pd.DataFrame(
                {
                    "table": name,
                    "group": groups
                    if name != "overall" or self.layout.control_names
                    else ["all"] * n_columns,
                    "figure": list(table.columns) * len(table),
                    "n": np.repeat(size, n_columns),
                    "value": values.ravel(),
                    "lower": np.asarray(low, dtype=float).ravel(),
                    "upper": np.asarray(high, dtype=float).ravel(),
                }
            )
            kinds = [methods[name if name.endswith("matrix") else figure] for figure in part["figure"]]
            parts.append(part.assign(method=np.where(part["lower"].notna(), kinds, "")))
        return pd.concat(parts, ignore_index=True)

    def _size_of_rows(self, table: str) -> np.ndarray:
        levels = self.measured.levels
        return {"overall": levels.overall, "by_group": levels.audit}.get(table, levels.assigned).n

    def replicates(self, figure: str, table: str = "by_group") -> pd.DataFrame:
        """Return the bootstrap distribution of a figure."""
        levels = self.measured.replicate_levels
        if levels is None:
            raise ValueError("replicates need n_boot: PreferenceFrame(..., n_boot=1000).")
        if table not in ("by_group", "overall"):
            raise ValueError(f"table must be 'by_group' or 'overall'; got {table!r}.")
        figures = self._replicate_figures(levels) if table == "by_group" else self._overall_figures(levels)
        if figure not in figures:
            raise ValueError(f"figure must be one of {list(figures)}; got {figure!r}.")
        layout = self.layout
        columns = layout.audit_index() if table == "by_group" else layout.control_index()
        return pd.DataFrame(figures[figure], columns=columns)

    def _replicate_figures(self, levels: Levels[Totals]) -> dict[str, np.ndarray]:
        envy = nan_min(others_envy(levels.assigned, self.layout))
        nobody = np.full((len(envy), 1), np.nan)
        envy = np.concatenate([envy, nobody], axis=1)[:, self.measured.row_of_audit]
        return group_figures(levels.audit) | {"envy_gain": envy}

    def envy_margin(self, reduce: str = "min") -> float:
        """Return the worst envy gain over all pairs of assigned groups; negative if and only if somebody envies."""
        assigned = self.measured.levels.assigned
        if reduce == "min":
            return float(nan_min(others_envy(assigned, self.layout).ravel()))
        if reduce == "max":
            return float(nan_max(envy_gains(assigned, self.layout).ravel()))
        raise ValueError(f"reduce must be 'min' or 'max'; got {reduce!r}.")

    def group_min(self) -> pd.Series | pd.DataFrame:
        """Return the smallest value of each column of `by_group` over the groups (of each control level)."""
        return self._over_groups(lambda table: table.min())

    def group_max(self) -> pd.Series | pd.DataFrame:
        """Return the largest value of each column of `by_group` over the groups (of each control level)."""
        return self._over_groups(lambda table: table.max())

    def difference(self, method: str = "between_groups") -> pd.Series | pd.DataFrame:
        """Return the largest difference of each column of `by_group` over the groups (of each control level)."""
        if method == "between_groups":
            return self.group_max() - self.group_min()
        if method != "to_overall":
            raise ValueError(f"method must be 'between_groups' or 'to_overall'; got {method!r}.")
        overall = self.overall.to_frame().T if isinstance(self.overall, pd.Series) else self.overall
        figures = [name for name in self._numbers().columns if name in overall.columns and name != "n"]
        reference = overall[figures].to_numpy()[self.layout.control_of_audit]
        distances = (self._numbers()[figures] - reference).abs()
        return self._over_groups(lambda table: table.max(), distances)

    def _numbers(self) -> pd.DataFrame:
        return self.by_group.drop(columns="most_envied")

    def _over_groups(
        self, function: Callable[[pd.DataFrame], pd.Series], table: pd.DataFrame | None = None
    ) -> pd.Series | pd.DataFrame:
        table = self._numbers() if table is None else table
        if not self.layout.control_names:
            return function(table)
        parts = table.groupby(self.layout.control_of_audit)
        return pd.DataFrame([function(part) for _, part in parts], self.layout.control_index())
