"""How well probabilities are calibrated for each group, compared with other probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._inference._calibration_error import Calibration, calibration_of
from ._inference._checks import check_alpha
from ._paired_scores import PairedScores, check_share, named

#: What can be compared.
MEASURES = ("error", "in_the_large")


class CalibrationFrame:
    """Gains in calibration, for each group.

    A group's probabilities are calibrated if, among its people with the same probability, that share is positive. They can be right for everybody and wrong
    for each of two groups. Two figures say how far they are off: calibration in the large, the share of positives minus the mean probability, and
    the squared calibration error, the mean over people of the squared difference between share of positives and mean probability in bins.

    Parameters
    ----------
    y_true : array-like, shape (n,)
        True labels of two classes, of people who took no part in fitting or choosing.
    y_prob : array-like, shape (n,)
        Probabilities of the positive class that people got.
    y_prob_pooled : array-like, shape (n,)
        Probabilities by the pooled classifier, or by any baseline.
    sensitive_features : array-like, shape (n,), DataFrame or dict, optional
        Audit groups; several columns are intersected. By default everybody is one group.
    units : array-like, shape (n,), DataFrame or dict, optional
        Whose rows belong together: the visits of a patient.
    pos_label : label, optional
        The positive class; by default 1 where labels are 0 and 1, or -1 and 1.
    n_bins : int
        Bins of each model and group, with about equal numbers of people. There are 20 people, or units, for each, so that small groups have fewer bins.

    Attributes
    ----------
    by_group : DataFrame
        One row per group: `n`, `n_positive`, `n_units` with units; `in_the_large` (positive where probabilities are too low) and `error` (squared, without its
        bias: it can be slightly negative) with what people got, `pooled_in_the_large` and `pooled_error` with the baseline, and
        `gain`, the difference of the errors.
    overall : Series
        The same of everybody.

    Raises
    ------
    ValueError
        If lengths differ, a value is missing, there are not two classes, `pos_label` does not occur, probabilities are not from 0 to 1,
        `n_bins` is not a whole number from 1 on, or a unit has rows in several groups.

    See Also
    --------
    RankingFrame : Gains in the area under the ROC curve.
    sklearn.calibration.calibration_curve : The points of a reliability diagram.

    Notes
    -----
    Differences of errors and of absolute values are not smooth where one is 0, which is where calibrated models are: no bootstrap and no normal interval holds
    there. Each model has bounds of its own, and the bounds of the difference are what these allow: they hold whatever the models have in common, and
    are wider than those of gains in a loss. Bins say nothing of what is within them. Brier score and log loss (`PreferenceFrame`) contain calibration and sharpness.

    References
    ----------
    Squared error without bias: Kumar, Liang and Ma, "Verified Uncertainty Calibration", NeurIPS 2019. Calibration in the large: Van Calster et al., "Calibration:
    the Achilles heel of predictive analytics", BMC Medicine 2019. Gamma approximation: Patnaik, Biometrika 1949. Clusters: Liang and
    Zeger, Biometrika 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.metrics import CalibrationFrame
    >>> rng = np.random.default_rng(0)
    >>> p, groups = rng.uniform(0.05, 0.95, 8000), rng.choice(["a", "b"], 8000)
    >>> y = (rng.random(8000) < p).astype(int)
    >>> overconfident = np.where(groups == "a", np.where(p < 0.5, 0.02, 0.98), p)
    >>> frame = CalibrationFrame(y_true=y, y_prob=overconfident, y_prob_pooled=p, sensitive_features=groups)
    >>> frame.violations()["group"].tolist()
    ['a']
    """

    def __init__(
        self,
        *,
        y_true: Any,
        y_prob: Any,
        y_prob_pooled: Any,
        sensitive_features: Any = None,
        units: Any = None,
        pos_label: Any = None,
        n_bins: int = 10,
    ) -> None:
        if isinstance(n_bins, bool) or not isinstance(n_bins, int | np.integer) or n_bins < 1:
            raise ValueError(f"n_bins must be a whole number of at least 1; got {n_bins!r}.")
        scores = PairedScores.read(
            ("y_prob", "y_prob_pooled"), y_true, y_prob, y_prob_pooled, sensitive_features, units, pos_label
        )
        for values, name in ((scores.own, "y_prob"), (scores.other, "y_prob_pooled")):
            _check_probabilities(values, name)
        self._groups, self.has_units = scores.groups, scores.unit is not None
        self._measured = [_measure(scores, rows, int(n_bins)) for rows in scores.parts]
        self.by_group = pd.DataFrame(
            [
                scores.sizes(rows) | _figures(*pair)
                for rows, pair in zip(scores.parts, self._measured, strict=True)
            ],
            index=scores.index,
        )
        everybody = scores.everybody
        self.overall = pd.Series(
            scores.sizes(everybody) | _figures(*_measure(scores, everybody, int(n_bins)))
        )

    def intervals(self, alpha: float = 0.05) -> pd.DataFrame:
        """Give bounds of each model's figures in each group.

        Parameters
        ----------
        alpha : float
            Each interval, by itself, covers the true figure with probability ``1 - alpha``.

        Returns
        -------
        DataFrame
            Two rows per group: `group`, `model` ("own" or "pooled"), `n`, and `in_the_large` and `error` with `_lower` and `_upper`.

        Raises
        ------
        ValueError
            If `alpha` is not between 0 and 1.
        """
        check_alpha(alpha)
        rows = []
        for group, n, pair in zip(self._groups.labels, self.by_group["n"], self._measured, strict=True):
            for model, found in zip(("own", "pooled"), pair, strict=True):
                row = {"group": group, "model": model, "n": n}
                for measure in MEASURES:
                    low, high = _bounds(found, measure, alpha)
                    value = found.error if measure == "error" else found.large
                    row |= {measure: value, f"{measure}_lower": low, f"{measure}_upper": high}
                rows.append(row)
        return pd.DataFrame(rows)

    def gain_intervals(self, alpha: float = 0.05, measure: str = "error") -> pd.DataFrame:
        """Give each group's gain with bounds: what the baseline is off more than the model.

        Parameters
        ----------
        alpha : float
            Each interval, by itself, covers the true gain with probability of at least ``1 - alpha``.
        measure : {"error", "in_the_large"}
            Squared calibration errors, or absolute values of calibration in the large.

        Returns
        -------
        DataFrame
            One row per group: `n`, `gain`, `lower`, `upper`.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        check_alpha(alpha)
        _check_measure(measure)
        rows = [
            {
                "gain": _value(pooled, measure) - _value(own, measure),
                **_gain_bounds(own, pooled, measure, alpha),
            }
            for own, pooled in self._measured
        ]
        return self.by_group[["n"]].join(pd.DataFrame(rows, index=self.by_group.index))

    def violations(self, alpha: float = 0.05, margin: float = 0.0, measure: str = "error") -> pd.DataFrame:
        """Return the groups that are significantly worse calibrated than by the baseline.

        Parameters
        ----------
        alpha : float
            Probability of naming any group that is not, for all groups together (Bonferroni).
        margin : float
            Loss that is not yet called harm, in units of the measure.
        measure : {"error", "in_the_large"}
            As for `gain_intervals`.

        Returns
        -------
        DataFrame
            `group`, `n`, `gain` and `upper`, its simultaneous upper bound.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        check_alpha(alpha)
        check_share("margin", margin, "calibration error")
        table = self.gain_intervals(self._level(alpha), measure)
        table = table.assign(group=pd.Series(self._groups.labels, dtype=object, index=table.index))
        harmed = table["upper"] < -margin
        return table.loc[harmed, ["group", "n", "gain", "upper"]].reset_index(drop=True)

    def verdict(
        self, alpha: float = 0.05, margin: float = 0.0, measure: str = "error", min_group_size: int = 10
    ) -> str:
        """Say in a sentence which groups are worse calibrated, and how sure that is.

        Parameters
        ----------
        alpha, margin, measure : float, float, str
            As for `violations`.
        min_group_size : int
            Smaller groups are counted, not named.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If a parameter is out of range.
        """
        harmed = self.violations(alpha, margin, measure)
        if len(harmed):
            return (
                f"Worse calibrated, with {100 * (1 - alpha):g} % confidence: {named(harmed, min_group_size)}."
            )
        table = self.gain_intervals(self._level(alpha), measure)
        worst = table["lower"].min()
        return f"No group is found to be worse calibrated; a loss of up to {max(-worst, 0):.2g} remains possible ({100 * (1 - alpha):g} % confidence)."

    def _level(self, alpha: float) -> float:
        """Level of each group's interval, of which one side is used, for all groups together."""
        return min(2 * alpha, 0.999) / len(self._measured)

    def plot(self, *, min_group_size: int = 10) -> Any:
        """Plot a reliability diagram of each group: share of positives against mean probability, both models beside each other.

        Parameters
        ----------
        min_group_size : int
            Smaller groups are not drawn.

        Returns
        -------
        matplotlib Figure

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        ValueError
            If no group is large enough.
        """
        from ._shown import plot_calibration

        return plot_calibration(self, min_group_size)

    def __repr__(self) -> str:
        return f"CalibrationFrame: {int(self.overall['n'])} rows, {len(self.by_group)} group(s), gain in squared calibration error {self.overall['gain']:+.4f}"


def _measure(scores: PairedScores, rows: np.ndarray, n_bins: int) -> tuple[Calibration, Calibration]:
    own, pooled = (
        calibration_of(scores.positive[rows], values[rows], n_bins, scores.units_of(rows))
        for values in (scores.own, scores.other)
    )
    return own, pooled


def _figures(own: Calibration, pooled: Calibration) -> dict[str, float]:
    return {
        "in_the_large": own.large,
        "pooled_in_the_large": pooled.large,
        "error": own.error,
        "pooled_error": pooled.error,
        "gain": pooled.error - own.error,
    }


def _value(found: Calibration, measure: str) -> float:
    return found.error if measure == "error" else abs(found.large)


def _bounds(found: Calibration, measure: str, alpha: float) -> tuple[float, float]:
    return found.error_bounds(alpha) if measure == "error" else found.large_bounds(alpha)


def _distance_bounds(found: Calibration, measure: str, alpha: float) -> tuple[float, float]:
    """Bounds of how far a model is off: of absolute values those that the bounds of the values allow."""
    low, high = _bounds(found, measure, alpha)
    if measure == "error":
        return low, high
    return max(low, -high, 0.0), max(abs(low), abs(high))


def _gain_bounds(own: Calibration, pooled: Calibration, measure: str, alpha: float) -> dict[str, float]:
    """Bounds of the gain that simultaneous bounds of both models allow."""
    (own_low, own_high), (pooled_low, pooled_high) = (
        _distance_bounds(found, measure, alpha / 2) for found in (own, pooled)
    )
    return {"lower": pooled_low - own_high, "upper": pooled_high - own_low}


def _check_probabilities(values: np.ndarray, name: str) -> None:
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise ValueError(
            f"{name} must be probabilities, from 0 to 1; {int(outside.sum()):,} row(s) are not, the first is {values[outside][0]:g} in row {int(np.argmax(outside))}."
        )


def _check_measure(measure: Any) -> None:
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {list(MEASURES)}; got {measure!r}.")
