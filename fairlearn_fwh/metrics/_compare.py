"""Several models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import _shown
from ._inference._claims import check_alpha
from ._preference_frame import PreferenceFrame


@dataclass(frozen=True)
class FrameComparison:
    """What `compare` returns.

    Attributes
    ----------
    table : DataFrame
        One row per model.
    frames : dict from name to PreferenceFrame

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PreferenceFrame, compare
    >>> rows = {"y_true": [1, 0, 1, 0], "y_pred_pooled": [0, 0, 1, 0], "sensitive_features": list("aabb")}
    >>> comparison = compare({"new": PreferenceFrame(y_pred=[1, 0, 1, 0], **rows)})
    >>> list(comparison.table.index), list(comparison.frames)
    (['new'], ['new'])
    """

    table: pd.DataFrame
    frames: dict[str, PreferenceFrame]

    def plot(self, ax: Any = None) -> Any:
        """Plot the models by the gain of the worst-off group against the change of disparity.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        return _shown.plot_models(self.frames, ax)

    def _repr_html_(self) -> str:
        return str(self.table.to_html(float_format="{:.4f}".format))


def compare(
    frames: Mapping[str, PreferenceFrame], *, tolerance: float = 0.01, alpha: float = 0.05
) -> FrameComparison:
    """Put several models that were measured on the same people beside each other.

    Parameters
    ----------
    frames : dict from name to PreferenceFrame
        Frames of the same sample and audit groups, with the same loss, without control features.
    tolerance : float
        Loss that counts as none in certificates.
    alpha : float
        One minus the confidence, for all groups of one model together.

    Returns
    -------
    FrameComparison
        Its `table` has for each model `n`, `risk`, `pooled_risk`, `gain` of the whole sample, `worst_group`,
        `worst_gain` with `lower` and `upper` (bounds of the smallest gain, for all groups together, at the outermost of
        `ci_quantiles`), `disparity_change`, `negative_flip_rate`, `disagreement_rate`, `n_harmed` (groups with a
        significant violation) and `n_certified` of `n_groups` groups.

    Raises
    ------
    ValueError
        If there are no frames, or they were not measured on the same people.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PreferenceFrame, compare
    >>> y, pooled, groups = [0, 1] * 50, [0, 0] * 50, ["a"] * 50 + ["b"] * 50
    >>> sample = {"y_true": y, "y_pred_pooled": pooled, "sensitive_features": groups}
    >>> frames = {"perfect": PreferenceFrame(y_pred=y, **sample),
    ...           "always 1": PreferenceFrame(y_pred=[1] * 100, **sample)}
    >>> compare(frames).table[["risk", "worst_gain", "n_harmed", "n_certified"]]
              risk  worst_gain  n_harmed  n_certified
    model
    perfect    0.0         0.5         0            2
    always 1   0.5         0.0         0            0
    """
    check_alpha(alpha)
    if not frames:
        raise ValueError("frames is empty; at least one is needed.")
    first_name, first = next(iter(frames.items()))
    for name, frame in frames.items():
        if not isinstance(frame, PreferenceFrame):
            raise ValueError(f"frames[{name!r}] must be a PreferenceFrame; got {type(frame).__name__}.")
        if isinstance(frame.overall, pd.DataFrame):
            raise ValueError(f"frames[{name!r}] has control features; compare frames without them.")
        same = (
            first.by_group["n"].equals(frame.by_group["n"]) and frame._measured.loss == first._measured.loss
        )
        if not same:
            raise ValueError(
                f"frames[{name!r}] and frames[{first_name!r}] are of different people, audit groups or losses."
            )
    rows = {name: _row(frame, tolerance, alpha) for name, frame in frames.items()}
    return FrameComparison(pd.DataFrame.from_dict(rows, orient="index").rename_axis("model"), dict(frames))


def _row(frame: PreferenceFrame, tolerance: float, alpha: float) -> dict[str, Any]:
    overall = frame.overall.to_dict()
    return {
        "n": int(overall["n"]),
        "risk": overall["risk"],
        "pooled_risk": overall["pooled_risk"],
        "gain": overall["rationality_gain"],
        **worst_gain_bounds(frame),
        "disparity_change": overall["disparity_change"],
        "negative_flip_rate": overall["negative_flip_rate"],
        "disagreement_rate": overall["disagreement_rate"],
        "n_harmed": len(frame.violations(alpha=alpha, claims="rationality")),
        "n_certified": int(frame.certify(tolerance=tolerance, alpha=alpha)["certified"].sum()),
        "n_groups": len(frame.by_group),
    }


def worst_gain_bounds(frame: PreferenceFrame) -> dict[str, Any]:
    """Smallest rationality gain of an audit group: whose it is, and bounds for all groups together."""
    gains = frame.by_group["rationality_gain"].to_numpy()
    bounds = frame._tables.bounds
    worst = int(np.nanargmin(gains))
    low, high = (bounds.smallest_audit_gain(pick(frame.ci_quantiles)) for pick in (min, max))
    return {
        "worst_group": frame.by_group.index[worst],
        "worst_gain": float(gains[worst]),
        "lower": low,
        "upper": high,
    }
