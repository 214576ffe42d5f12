"""Several models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import _shown
from ._inference._checks import check_margin, check_test
from ._inference._claims import NEVER_RIGHT, join_claims
from ._inference._step_down import MIN_P, adjust_p_values
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
    frames: Mapping[str, PreferenceFrame],
    *,
    tolerance: float = 0.01,
    alpha: float = 0.05,
    harm_margin: float = 0.0,
) -> FrameComparison:
    """Put several models that were measured on the same people beside each other.

    Parameters
    ----------
    frames : dict from name to PreferenceFrame
        Frames of the same sample and audit groups, with the same loss, without control features.
    tolerance : float
        Loss that counts as none in certificates.
    alpha : float
        One minus the confidence, for all groups of all models together: who looks at twenty harmless models finds somebody harmed by one of
        them otherwise.
    harm_margin : float
        Loss that is not yet called harm, in units of the loss.

    Returns
    -------
    FrameComparison
        Its `table` has for each model `n`, `risk`, `pooled_risk`, `gain` of the whole sample, `worst_group`,
        `worst_gain` with `lower` and `upper` (bounds of the smallest gain, for all groups together, at the outermost of
        `ci_quantiles`), `disparity_change`, `negative_flip_rate`, `disagreement_rate`, `n_harmed` (groups with a
        significant violation) and `n_certified` of `n_groups` groups, and whether the model is `harmless`: all of its groups are certified,
        with one error probability for all models that are called so.

    Raises
    ------
    TypeError
        If `frames` is not a dict.
    ValueError
        If there are no frames, they were not measured on the same people, the loss has no limits, or a parameter is out of range.

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
    if not isinstance(frames, Mapping):
        raise TypeError(
            f"frames must be a dict from the name of each model to its frame; got {type(frames).__name__}."
        )
    if not frames:
        raise ValueError("frames is empty; at least one is needed.")
    first_name, first = next(iter(frames.items()))
    for name, frame in frames.items():
        if not isinstance(frame, PreferenceFrame):
            raise ValueError(f"frames[{name!r}] must be a PreferenceFrame; got {type(frame).__name__}.")
        if frame.has_several_losses:
            raise ValueError(
                f"frames[{name!r}] has several losses, and compare is for one loss: compare frame[{frame.losses[0]!r}] of each."
            )
        if isinstance(frame.overall, pd.DataFrame):
            raise ValueError(f"frames[{name!r}] has control features; compare frames without them.")
        same = (
            first.by_group["n"].equals(frame.by_group["n"])
            and frame._measured.loss == first._measured.loss
            and frame._measured.weighted == first._measured.weighted
            and frame.has_units == first.has_units
        )
        if not same:
            raise ValueError(
                f"frames[{name!r}] and frames[{first_name!r}] are of different people, weights, units, audit groups or losses."
            )
    loss = first._measured.loss
    check_test(tolerance, alpha, "tango", MIN_P, loss, weighted=False)
    check_margin(harm_margin, loss, "harm_margin")
    decisions = _decide(list(frames.values()), tolerance, alpha, harm_margin)
    rows = {
        name: _row(frame) | decisions.iloc[i].to_dict() | {"n_groups": len(frame.by_group)}
        for i, (name, frame) in enumerate(frames.items())
    }
    return FrameComparison(pd.DataFrame.from_dict(rows, orient="index").rename_axis("model"), dict(frames))


def _decide(frames: list[PreferenceFrame], tolerance: float, alpha: float, margin: float) -> pd.DataFrame:
    """Count harmed and certified groups, and tell harmless models; one family over models and groups, and one over models."""
    claims = join_claims([frame._claims("rationality", strict=True) for frame in frames])
    shape = (len(frames), -1)
    harm = claims.test_harm(MIN_P, margin)
    harmed = (harm["p_adjusted"].fillna(1.0) < alpha) & (harm["gain"] < -margin)
    certificate = claims.certify(tolerance, alpha, "tango", MIN_P)
    # All groups of a model have to be certified, so that the largest p-value of its groups is that of the model; of a group whom the loss does not concern
    # nothing is known.
    p_values = certificate["p_value"].where(~certificate["identical"], 0.0).fillna(1.0)
    hopeless = certificate["method"] == NEVER_RIGHT
    largest = p_values.mask(hopeless, 1.0).to_numpy().reshape(shape).max(axis=1)
    return pd.DataFrame(
        {
            "n_harmed": harmed.to_numpy().reshape(shape).sum(axis=1),
            "n_certified": certificate["certified"].to_numpy().reshape(shape).sum(axis=1),
            "harmless": adjust_p_values(largest, "holm") < alpha,
        }
    )


def _row(frame: PreferenceFrame) -> dict[str, Any]:
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
