"""The tables of a preference frame: figures, their bounds, and what can be read off them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ._figures import Levels, envy_gains, group_figures, nan_max, nan_min, others_envy, overall_figures, risks
from ._intervals import Bounds
from ._layout import Layout
from ._measurement import Measurement
from ._sums import Totals

_TABLES = ("overall", "by_group", "risk_matrix", "envy_matrix")


class Tables:
    """Figures of a sample, with bounds; the public class `PreferenceFrame` documents them."""

    _measured: Measurement
    ci_quantiles: tuple[float, ...]

    def _tabulate(self, measured: Measurement, ci_quantiles: tuple[float, ...]) -> None:
        self._measured, self.ci_quantiles = measured, ci_quantiles
        layout = measured.layout
        served = measured.levels.assigned.n.reshape(len(layout.controls), -1).sum(axis=0)
        self.empty_groups = [group for group, n in zip(layout.groups, served, strict=True) if n == 0]
        self.by_group = self._by_group()
        self.overall = self._overall_table(
            {"n": measured.levels.overall.n.astype(float)} | self._overall_figures(measured.levels)
        )

    def __getstate__(self) -> dict[str, Any]:
        """What all tables are computed from; skops cannot write data frames."""
        return {"_measured": self._measured, "ci_quantiles": self.ci_quantiles}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._tabulate(state["_measured"], state["ci_quantiles"])

    @property
    def _layout(self) -> Layout:
        return self._measured.layout

    @cached_property
    def _bounds(self) -> Bounds:
        m = self._measured
        return Bounds(
            m.levels, m.replicate_levels, m.layout, m.loss, m.weighted, m.audit_is_pooled, m.row_of_audit
        )

    @cached_property
    def risk_matrix(self) -> pd.DataFrame:
        """Risk of each assigned group under each group's classifier and the pooled one."""
        return self._risk_table(risks(self._measured.levels.assigned, self._layout))

    @cached_property
    def envy_matrix(self) -> pd.DataFrame:
        """Gain of each assigned group over each group's classifier."""
        return self._envy_table(envy_gains(self._measured.levels.assigned, self._layout))

    def _risk_table(self, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, self._layout.assigned_index(), self._layout.classifier_index(pooled=True))

    def _envy_table(self, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(values, self._layout.assigned_index(), self._layout.classifier_index())

    def _overall_table(self, figures: dict[str, np.ndarray]) -> pd.Series | pd.DataFrame:
        if self._layout.control_names:
            return pd.DataFrame(figures, self._layout.control_index())
        return pd.Series({name: values[0] for name, values in figures.items()}, dtype=float)

    def _overall_figures(self, levels: Levels[Any]) -> dict[str, np.ndarray]:
        return overall_figures(levels, self._layout, has_accuracy=self._measured.loss.counts_errors)

    def _by_group(self) -> pd.DataFrame:
        levels, rows = self._measured.levels, self._measured.row_of_audit
        envy = others_envy(levels.assigned, self._layout)
        smallest = np.append(nan_min(envy), np.nan)[rows]
        figures = group_figures(levels.audit)
        table = pd.DataFrame({"n": levels.audit.n} | figures, self._layout.audit_index())
        most_envied = [
            self._layout.groups[int(np.nanargmin(envy[row]))] if gain < 0 else None
            for row, gain in zip(rows, smallest, strict=True)
        ]
        table.insert(4, "envy_gain", smallest)
        table.insert(5, "most_envied", pd.Series(most_envied, table.index, dtype=object))
        return table

    @cached_property
    def overall_ci(self) -> dict[float, pd.Series | pd.DataFrame]:
        """Bounds of `overall` at each of `ci_quantiles`."""
        order = self.overall.axes[-1]
        tables = {q: self._overall_table(self._with_n(self._bounds.overall(q))) for q in self.ci_quantiles}
        return {q: table[order] for q, table in tables.items()}

    @cached_property
    def by_group_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `by_group` at each of `ci_quantiles`."""
        columns = [name for name in self.by_group.columns if name != "most_envied"]
        return {
            q: pd.DataFrame(self._with_n(self._bounds.by_group(q)), self.by_group.index)[columns]
            for q in self.ci_quantiles
        }

    @cached_property
    def risk_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `risk_matrix` at each of `ci_quantiles`."""
        return {q: self._risk_table(self._bounds.risks(q)) for q in self.ci_quantiles}

    @cached_property
    def envy_matrix_ci(self) -> dict[float, pd.DataFrame]:
        """Bounds of `envy_matrix` at each of `ci_quantiles`."""
        return {q: self._envy_table(self._bounds.envy(q)) for q in self.ci_quantiles}

    @staticmethod
    def _with_n(bounds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Counts have no bounds."""
        return {"n": np.full(len(bounds["risk"]), np.nan)} | bounds

    def to_frame(self) -> pd.DataFrame:
        """Return every figure with its bounds as one tidy table.

        Returns
        -------
        DataFrame
            One row per entry: `table` ("overall", "by_group", "risk_matrix" or "envy_matrix"), `group`, `figure` (for the
            matrices the group whose classifier it is, or "pooled"), `n` people, `value`, `lower` and `upper` (the
            bounds at the lowest and the highest of `ci_quantiles`), `method` by which they were found.
        """
        methods = self._bounds.methods()
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
                    if name != "overall" or self._layout.control_names
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
        levels = self._measured.levels
        return {"overall": levels.overall, "by_group": levels.audit}.get(table, levels.assigned).n

    def replicates(self, figure: str, table: str = "by_group") -> pd.DataFrame:
        """Return the bootstrap distribution of a figure.

        Parameters
        ----------
        figure : str
            A column of `by_group`, or an entry of `overall`, that is a number.
        table : {"by_group", "overall"}
            Where it stands.

        Returns
        -------
        DataFrame, shape (n_boot, number of groups)

        Raises
        ------
        ValueError
            If the frame has no replicates, or there is no such figure.
        """
        levels = self._measured.replicate_levels
        if levels is None:
            raise ValueError("replicates need n_boot: PreferenceFrame(..., n_boot=1000).")
        if table not in ("by_group", "overall"):
            raise ValueError(f"table must be 'by_group' or 'overall'; got {table!r}.")
        figures = self._replicate_figures(levels) if table == "by_group" else self._overall_figures(levels)
        if figure not in figures:
            raise ValueError(f"figure must be one of {list(figures)}; got {figure!r}.")
        layout = self._layout
        columns = layout.audit_index() if table == "by_group" else layout.control_index()
        return pd.DataFrame(figures[figure], columns=columns)

    def _replicate_figures(self, levels: Levels[Totals]) -> dict[str, np.ndarray]:
        envy = nan_min(others_envy(levels.assigned, self._layout))
        nobody = np.full((len(envy), 1), np.nan)
        envy = np.concatenate([envy, nobody], axis=1)[:, self._measured.row_of_audit]
        return group_figures(levels.audit) | {"envy_gain": envy}

    def envy_margin(self, reduce: str = "min") -> float:
        """Return the worst envy gain over all pairs of assigned groups; negative if and only if somebody envies.

        Parameters
        ----------
        reduce : {"min", "max"}
            "max" is the literal formula of arXiv 2509.24077, section 6.3, a maximum over all pairs that include
            a group with itself; for comparison with its Table 7 only.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `reduce` is unknown.
        """
        assigned = self._measured.levels.assigned
        if reduce == "min":
            return float(nan_min(others_envy(assigned, self._layout).ravel()))
        if reduce == "max":
            return float(nan_max(envy_gains(assigned, self._layout).ravel()))
        raise ValueError(f"reduce must be 'min' or 'max'; got {reduce!r}.")

    def group_min(self) -> pd.Series | pd.DataFrame:
        """Return the smallest value of each column of `by_group` over the groups (of each control level).

        Returns
        -------
        Series, or DataFrame with control features
        """
        return self._over_groups(lambda table: table.min())

    def group_max(self) -> pd.Series | pd.DataFrame:
        """Return the largest value of each column of `by_group` over the groups (of each control level).

        Returns
        -------
        Series, or DataFrame with control features
        """
        return self._over_groups(lambda table: table.max())

    def difference(self, method: str = "between_groups") -> pd.Series | pd.DataFrame:
        """Return the largest difference of each column of `by_group` over the groups (of each control level).

        Parameters
        ----------
        method : {"between_groups", "to_overall"}
            Between any two groups, or between a group and the whole, as fairlearn's `MetricFrame.difference`.

        Returns
        -------
        Series, or DataFrame with control features

        Raises
        ------
        ValueError
            If `method` is unknown.
        """
        if method == "between_groups":
            return self.group_max() - self.group_min()
        if method != "to_overall":
            raise ValueError(f"method must be 'between_groups' or 'to_overall'; got {method!r}.")
        overall = self.overall.to_frame().T if isinstance(self.overall, pd.Series) else self.overall
        figures = [name for name in self._numbers().columns if name in overall.columns and name != "n"]
        reference = overall[figures].to_numpy()[self._layout.control_of_audit]
        distances = (self._numbers()[figures] - reference).abs()
        return self._over_groups(lambda table: table.max(), distances)

    def _numbers(self) -> pd.DataFrame:
        return self.by_group.drop(columns="most_envied")

    def _over_groups(
        self, function: Callable[[pd.DataFrame], pd.Series], table: pd.DataFrame | None = None
    ) -> pd.Series | pd.DataFrame:
        table = self._numbers() if table is None else table
        if not self._layout.control_names:
            return function(table)
        parts = table.groupby(self._layout.control_of_audit)
        return pd.DataFrame([function(part) for _, part in parts], self._layout.control_index())
