"""Gains in any metric of predictions: scikit-learn's, fairlearn's or one's own."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from ._core._alignment import check_alignment
from ._core._groups import Groups, encode_groups, labels_index
from ._core._names import group_name
from ._core._values import as_column, as_weights
from ._inference._checks import check_alpha

Metric = Callable[..., float]

#: Largest share of replicates in which a metric may be undefined.
_MOST_UNDEFINED = 0.01


def metric_gain(metric: Metric, *, greater_is_better: bool = True) -> Metric:
    """Make the gain in a metric over the pooled classifier a function for `MetricFrame`.

    Parameters
    ----------
    metric : callable (y_true, y_pred) -> float
        For instance `sklearn.metrics.f1_score`, `fairlearn.metrics.selection_rate` or ``functools.partial`` of one.
    greater_is_better : bool
        Whether a greater value is better for a group; False for errors such as `sklearn.metrics.mean_squared_error`.

    Returns
    -------
    callable
        With the signature ``(y_true, y_pred, *, y_pred_pooled, sample_weight=None)``; positive is good for the group. In `MetricFrame` the other predictions are given by ``sample_params``.

    Raises
    ------
    TypeError
        If `metric` is not callable, or is a scorer, which wants an estimator.

    See Also
    --------
    PreferenceFrame.from_metric : The gains with intervals.

    Examples
    --------
    >>> from sklearn.metrics import f1_score
    >>> from fairlearn_fwh.metrics import metric_gain
    >>> f1_gain = metric_gain(f1_score)
    >>> round(f1_gain([1, 1, 0, 0], [1, 1, 0, 0], y_pred_pooled=[1, 0, 0, 0]), 2)
    0.33
    """
    _check_metric(metric)
    sign = 1.0 if greater_is_better else -1.0

    @wraps(metric)
    def gain(y_true: Any, y_pred: Any, *, y_pred_pooled: Any, sample_weight: Any = None) -> float:
        arguments = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(
            sign * (metric(y_true, y_pred, **arguments) - metric(y_true, y_pred_pooled, **arguments))
        )

    # What `wraps` has copied is the signature of the metric, which does not name the other predictions.
    del gain.__wrapped__
    gain.__name__ = f"{_name(metric)}_gain"
    return gain


class MetricGains:
    """Gains in a metric by group, with bootstrap intervals; made by `PreferenceFrame.from_metric`.

    Parameters
    ----------
    metric : callable (y_true, y_pred) -> float
        Of scikit-learn, of fairlearn or one's own.
    rows : Rows
        Truth, predictions, groups, weights and units, as `PreferenceFrame.from_metric` reads them.
    greater_is_better : bool
        Whether a greater value is better for a group.
    n_boot : int
        Number of replicates.
    random_state : int, RandomState or None
        Seeds the draws.

    Attributes
    ----------
    by_group : DataFrame
        One row per group: `n`, `n_units` with units, `own` and `pooled`, the metric with what people got and with the baseline, and `gain`, positive where it is good for
        the group. NaN where the metric is not defined.
    overall : Series
        The same of everybody.
    n_boot : int
        Number of replicates.

    Raises
    ------
    ValueError
        If the metric does not take the weights, or fails for a group.

    Notes
    -----
    Replicates are drawn within each group, by units where there are any. Intervals are percentiles: they hold in large groups for metrics that are smooth in
    the data, and are too narrow in small ones (below a hundred people or so). They certify nothing, there is no family over groups, and no smallest or
    largest gain over groups, which resampling cannot bound. Where a loss says what is meant, `PreferenceFrame` has tests that keep their level.

    Examples
    --------
    >>> from sklearn.metrics import f1_score
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> gains = PreferenceFrame.from_metric(f1_score, y_true=[1, 0] * 50, y_pred=[1, 0] * 50, y_pred_pooled=[1, 1] * 50, n_boot=20, random_state=0)
    >>> gains.by_group[["own", "pooled", "gain"]].round(2).values.tolist()
    [[1.0, 0.67, 0.33]]
    """

    def __init__(
        self,
        metric: Metric,
        rows: Rows,
        *,
        greater_is_better: bool,
        n_boot: int,
        random_state: Any,
    ) -> None:
        self.n_boot = n_boot
        self.metric_name = _name(metric)
        sign = 1.0 if greater_is_better else -1.0
        ask = _Ask(metric, rows, sign)
        parts = rows.parts
        self.by_group = pd.DataFrame(
            [ask.figures(part, label) for part, label in zip(parts, rows.groups.labels, strict=True)],
            index=labels_index(rows.groups.labels, rows.groups.names),
        )
        everybody = np.arange(len(rows.y))
        self.overall = pd.Series(ask.figures(everybody, "everybody"))
        seed = check_random_state(random_state)
        # Everybody is drawn group by group, too.
        drawn = [[rows.draw(part, seed) for part in parts] for _ in range(n_boot)]
        self._replicates = np.array(
            [[ask.gain(part) for part in of_one] for of_one in drawn], dtype=float
        ).reshape(n_boot, len(parts))
        self._of_everybody = np.array([ask.gain(np.concatenate(of_one)) for of_one in drawn], dtype=float)

    def gain_intervals(self, alpha: float = 0.05) -> pd.DataFrame:
        """Give each group's gain with an interval.

        Parameters
        ----------
        alpha : float
            Each interval, by itself, covers the true gain with a probability of about ``1 - alpha``.

        Returns
        -------
        DataFrame
            One row per group: `n`, `gain`, `lower`, `upper`; NaN where the metric is undefined in more than a hundredth of the replicates.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1, or so small that there are not enough replicates.
        """
        self._check(alpha)
        bounds = np.array([_percentiles(column, alpha) for column in self._replicates.T])
        return self.by_group[["n", "gain"]].assign(lower=bounds[:, 0], upper=bounds[:, 1])

    def overall_interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Give an interval of the gain of everybody.

        Parameters
        ----------
        alpha : float
            One minus the confidence.

        Returns
        -------
        tuple of float
            Lower and upper bound.

        Raises
        ------
        ValueError
            As for `gain_intervals`.
        """
        self._check(alpha)
        return _percentiles(self._of_everybody, alpha)

    def _check(self, alpha: float) -> None:
        check_alpha(alpha)
        if alpha / 2 * self.n_boot < 5:
            raise ValueError(
                f"alpha={alpha:g} needs at least {int(np.ceil(10 / alpha)):,} replicates; there are n_boot={self.n_boot:,}."
            )

    def __repr__(self) -> str:
        return f"MetricGains: {self.metric_name}, {len(self.by_group)} group(s), gain {self.overall['gain']:+.4f}"


class Rows:
    """Truth, two predictions, groups, weights and units of the same people."""

    def __init__(
        self,
        y_true: Any,
        y_pred: Any,
        y_pred_pooled: Any,
        sensitive_features: Any,
        sample_weight: Any,
        units: Any,
    ) -> None:
        given = {"y_true": y_true, "y_pred": y_pred, "y_pred_pooled": y_pred_pooled}
        check_alignment(
            {
                **given,
                "sensitive_features": sensitive_features,
                "sample_weight": sample_weight,
                "units": units,
            }
        )
        self.y = as_column(y_true, "y_true")
        n = len(self.y)
        self.own, self.pooled = (as_column(given[name], name, n) for name in ("y_pred", "y_pred_pooled"))
        self.weights = None if sample_weight is None else as_weights(sample_weight, n)
        self.groups = (
            Groups(np.zeros(n, dtype=np.intp), ["all"], ["group"])
            if sensitive_features is None
            else encode_groups(sensitive_features, n_rows=n)
        )
        self.unit = None if units is None else encode_groups(units, "units", n_rows=n).codes

    @property
    def parts(self) -> list[np.ndarray]:
        """Rows of every group."""
        return [np.flatnonzero(self.groups.codes == code) for code in range(len(self.groups))]

    def draw(self, part: np.ndarray, seed: np.random.RandomState) -> np.ndarray:
        """Draw as many rows, or units with all their rows, as there are."""
        if self.unit is None:
            return part[seed.randint(len(part), size=len(part))]
        order = part[np.argsort(self.unit[part], kind="stable")]
        starts = np.flatnonzero(np.r_[True, np.diff(self.unit[order]) != 0])
        units = np.split(order, starts[1:])
        return np.concatenate([units[i] for i in seed.randint(len(units), size=len(units))])


class _Ask:
    """Asks a metric about some rows."""

    def __init__(self, metric: Metric, rows: Rows, sign: float) -> None:
        self.metric, self.rows, self.sign = metric, rows, sign
        if rows.weights is not None and "sample_weight" not in inspect.signature(metric).parameters:
            raise ValueError(f"sample_weight was given, but {_name(metric)} does not take it.")

    def value(self, predictions: np.ndarray, part: np.ndarray) -> float:
        weights = {} if self.rows.weights is None else {"sample_weight": self.rows.weights[part]}
        return float(self.metric(self.rows.y[part], predictions[part], **weights))

    def figures(self, part: np.ndarray, label: Any) -> dict[str, Any]:
        """Metric with both predictions, and the gain."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                own, pooled = (self.value(p, part) for p in (self.rows.own, self.rows.pooled))
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{_name(self.metric)} cannot be computed for group {group_name(label)} ({len(part):,} people): {error}"
                ) from error
        units = {} if self.rows.unit is None else {"n_units": len(np.unique(self.rows.unit[part]))}
        return {"n": len(part), **units, "own": own, "pooled": pooled, "gain": self.sign * (own - pooled)}

    def gain(self, part: np.ndarray) -> float:
        """Gain of a replicate; NaN where the metric is not defined."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                return self.sign * (self.value(self.rows.own, part) - self.value(self.rows.pooled, part))
            except ValueError:
                return np.nan


def _percentiles(replicates: np.ndarray, alpha: float) -> tuple[float, float]:
    known = replicates[np.isfinite(replicates)]
    if len(known) < (1 - _MOST_UNDEFINED) * len(replicates):
        return np.nan, np.nan
    low, high = np.quantile(known, [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def _name(metric: Any) -> str:
    inner = getattr(metric, "func", metric)  # of a partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def _check_metric(metric: Any) -> None:
    if not callable(metric):
        raise TypeError(f"metric must be callable, as sklearn.metrics.f1_score is; got {metric!r}.")
    if "estimator" in inspect.signature(metric).parameters:
        raise TypeError(f"metric must be a metric (y_true, y_pred), not a scorer; got {metric!r}.")


def gains_of(
    metric: Metric, rows: Rows, *, greater_is_better: bool, n_boot: int, random_state: Any
) -> MetricGains:
    """Check the settings and measure; see `PreferenceFrame.from_metric`."""
    _check_metric(metric)
    if isinstance(n_boot, bool) or not isinstance(n_boot, int | np.integer) or n_boot < 1:
        raise ValueError(f"n_boot must be a whole number of at least 1; got {n_boot!r}.")
    return MetricGains(
        metric, rows, greater_is_better=greater_is_better, n_boot=int(n_boot), random_state=random_state
    )
