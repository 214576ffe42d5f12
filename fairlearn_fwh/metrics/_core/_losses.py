"""Per-sample losses: what one person loses by a prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ._pinball import PinballLoss
from ._values import check_comparable

LossFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]

#: Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn does for float64.
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Loss:
    """A per-sample loss.

    Parameters
    ----------
    name : str
        How the user calls it.
    function : callable (y_true, y_pred) -> losses
        Arrays of shape (n,) in, array of shape (n,) out.
    predicts : {"labels", "decisions", "probabilities", "values"}
        What the predictions have to be; decisions are labels of which 1 (or True) means accepted, probabilities are of
        the positive class, with y_true in {0, 1}.
    upper : float or None
        Largest possible loss, None if there is none or it is not known.
    lower : float or None
        Smallest possible loss, None if it is not known.
    limit : float or None
        Where larger losses are cut off, if they are.
    concerns : {"positives", "negatives"} or None
        Whom the loss concerns, by the truth; None for everybody. Others are not part of its sample.
    pos_label : label or None
        The positive label, for a loss that does not concern everybody; None where labels tell it (1 beside 0 or -1).
    """

    name: str
    function: LossFunction
    predicts: str
    upper: float | None
    lower: float | None = 0.0
    limit: float | None = None
    concerns: str | None = None
    pos_label: Any = None

    @property
    def span(self) -> float | None:
        """Largest possible difference between two losses; None if there is none or it is not known."""
        return None if self.upper is None or self.lower is None else self.upper - self.lower

    @property
    def title(self) -> str:
        """Name, and where it is cut off."""
        return self.name if self.limit is None else f"{self.name} (at most {self.limit:g})"

    @property
    def is_binary(self) -> bool:
        """Whether the loss is 0 or 1 for everybody, so that counts say all."""
        return self.name in _OF_ZERO_AND_ONE

    @property
    def costs(self) -> Any:
        """The table of costs that the loss is read from; None if it is not."""
        return self.function if hasattr(self.function, "cost_matrix") else None

    @property
    def quantile(self) -> float | None:
        """The quantile that a pinball loss is about; None of other losses."""
        return self.function.quantile if isinstance(self.function, PinballLoss) else None

    @property
    def counts_errors(self) -> bool:
        """Whether one minus the risk is an accuracy."""
        return self.name == "zero_one"

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray, name: str = "y_pred") -> np.ndarray:
        """Return the loss of each row, after checking that the predictions are of the right kind."""
        if self.concerns is not None:
            self._check_concerned(y_true)
        if self.predicts == "labels":
            _check_labels(y_true, y_pred, name, self.name)
        elif self.predicts == "decisions":
            _check_decisions(y_pred, name)
        elif self.predicts == "probabilities":
            _check_probabilities(y_true, y_pred, name, self.name)
        losses = np.asarray(self.function(y_true, y_pred))
        if self.concerns == "negatives":
            losses = np.equal(y_pred, self.pos_label)
        elif self.name == "rejection" and self.pos_label is not None:
            losses = np.not_equal(y_pred, self.pos_label)
        if losses.dtype.kind not in "biuf":
            raise ValueError(f"loss must return numbers; got values of type {losses.dtype}.")
        if losses.shape != y_true.shape:
            raise ValueError(
                f"loss must return one value per row: shape {y_true.shape}; got shape {losses.shape}."
            )
        if not self.is_binary and not np.isfinite(losses := losses.astype(float)).all():
            raise ValueError(f"loss {self.name!r} is not finite for some rows of {name}.")
        if self.limit is not None:
            losses = np.minimum(losses, self.limit)
        self._check_limits(losses, name)
        return losses

    def _check_concerned(self, y_true: np.ndarray) -> None:
        """Raise ValueError if there are people whom the loss does not concern: they would count as if it were another loss."""
        is_positive = np.equal(y_true, self.pos_label)
        others = ~is_positive if self.concerns == "positives" else is_positive
        if self.pos_label is None or others.any():
            raise ValueError(
                f"loss={self.name!r} concerns some people alone, but everybody would be counted here. Use PreferenceFrame, which leaves the others out."
            )

    def _check_limits(self, losses: np.ndarray, name: str) -> None:
        low, high = (
            (-np.inf if self.lower is None else self.lower),
            (np.inf if self.upper is None else self.upper),
        )
        outside = (losses < low) | (losses > high)
        if outside.any():
            raise ValueError(
                f"loss {self.name!r} is outside its limits, {low:g} to {high:g}, for {int(outside.sum()):,} row(s) of {name}; the first is "
                f"{losses[outside][0]:g} in row {int(np.argmax(outside))}."
            )


def _check_labels(y_true: np.ndarray, y_pred: np.ndarray, name: str, loss: str) -> None:
    if _has_fractions(y_true):
        raise ValueError(
            f"y_true has fractions such as {y_true[y_true != np.rint(y_true)][0]}, but loss={loss!r} compares labels. "
            "Use loss='squared' or loss='absolute' for values."
        )
    if _has_fractions(y_pred):
        raise ValueError(
            f"{name} has fractions such as {y_pred[y_pred != np.rint(y_pred)][0]}, but loss={loss!r} compares labels. "
            "Give predicted labels, or loss='brier' or loss='log' with probabilities."
        )
    check_comparable(y_true, y_pred, name)


def _check_decisions(y_pred: np.ndarray, name: str) -> None:
    if y_pred.dtype.kind not in "biuf" or not np.isin(y_pred, (-1, 0, 1)).all():
        raise ValueError(
            f"loss='rejection' needs decisions in {name}: 1 or True means accepted, 0, -1 or False rejected; got "
            f"{pd.unique(y_pred)[:5].tolist()!r}."
        )


def _has_fractions(labels: np.ndarray) -> bool:
    return labels.dtype.kind == "f" and not np.array_equal(labels, np.rint(labels))


def _check_probabilities(y_true: np.ndarray, y_pred: np.ndarray, name: str, loss: str) -> None:
    if y_true.dtype.kind not in "biuf" or not np.isin(y_true, (0, 1)).all():
        raise ValueError(f"loss={loss!r} needs y_true in {{0, 1}}; got {np.unique(y_true)[:5].tolist()!r}.")
    if y_pred.dtype.kind in "biu":
        raise ValueError(
            f"{name} has labels (of type {y_pred.dtype}), but loss={loss!r} compares probabilities of the positive class. "
            "Give probabilities as floats, or loss='zero_one' with labels."
        )
    if y_pred.dtype.kind != "f" or y_pred.min() < 0 or y_pred.max() > 1:
        raise ValueError(f"loss={loss!r} needs probabilities of the positive class in {name}, from 0 to 1.")


def _zero_one(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return np.not_equal(y_true, y_pred)


def _rejection(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """One minus the benefit of Zafar et al. (2017): a group's share of acceptances, whether deserved or not."""
    return np.not_equal(y_pred, 1)


def _log(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    p = np.clip(y_pred, EPSILON, 1 - EPSILON)
    return -np.log(np.where(y_true == 1, p, 1 - p))


def _squared(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return (y_true.astype(float) - y_pred) ** 2


def _absolute(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return np.abs(y_true.astype(float) - y_pred)


#: Losses that know a positive label; of refusals it is the favourable one.
_WITH_POS_LABEL = ("missed", "false_alarm", "rejection")


def takes_pos_label(loss: Loss) -> bool:
    """Whether a loss knows a positive label."""
    return loss.name in _WITH_POS_LABEL


#: Losses that are 0 or 1 for everybody.
_OF_ZERO_AND_ONE = ("zero_one", "rejection", "missed", "false_alarm")

LOSSES = {
    loss.name: loss
    for loss in (
        Loss("zero_one", _zero_one, "labels", 1.0),
        Loss("missed", _zero_one, "labels", 1.0, concerns="positives"),
        Loss("false_alarm", _zero_one, "labels", 1.0, concerns="negatives"),
        Loss("rejection", _rejection, "decisions", 1.0),
        Loss("log", _log, "probabilities", None),
        Loss("brier", _squared, "probabilities", 1.0),
        Loss("squared", _squared, "values", None),
        Loss("absolute", _absolute, "values", None),
        Loss("pinball", PinballLoss(), "values", None),
    )
}


def resolve_loss(
    loss: str | Callable[..., Any] | Loss, limit: float | None = None, pos_label: Any = None
) -> Loss:
    """Find a loss by name, or wrap the user's function; cut it off at a limit, and say which label is positive.

    Raises
    ------
    ValueError
        If `loss` is neither a known name nor callable, `limit` is not between the loss's smallest and largest value, or `pos_label` is given for a
        loss that concerns everybody.
    """
    found = loss if isinstance(loss, Loss) else _find(loss)
    if pos_label is not None:
        if not takes_pos_label(found):
            raise ValueError(
                f"pos_label applies to the losses {list(_WITH_POS_LABEL)}; the loss is {found.name!r}."
            )
        found = replace(found, pos_label=pos_label, predicts="labels")
    if limit is None:
        return found
    if found.is_binary:
        raise ValueError(f"loss_limit does not apply to loss={found.name!r}, which is 0 or 1.")
    low, high = (
        (-np.inf if found.lower is None else found.lower),
        (np.inf if found.upper is None else found.upper),
    )
    if (
        not isinstance(limit, Real)
        or isinstance(limit, bool)
        or not low < limit < high
        or not np.isfinite(limit)
    ):
        between = f"above {low:g}" + ("" if np.isinf(high) else f" and below {high:g}, the largest loss")
        raise ValueError(f"loss_limit must be a number {between}; got {limit!r}.")
    return replace(found, upper=float(limit), limit=float(limit))


def with_pos_label(loss: Loss, labels: frozenset[Any]) -> Loss:
    """Find the positive label of a loss that does not concern everybody.

    Parameters
    ----------
    loss : Loss
    labels : frozenset
        Labels of truth and predictions.

    Raises
    ------
    ValueError
        If it does not occur, or is not given where labels do not tell it.
    """
    if loss.concerns is None and loss.pos_label is None:
        return loss
    shown = sorted(map(repr, labels))[:6]
    if loss.pos_label is None:
        if not (1 in labels and labels <= {0, 1, -1} and len(labels) <= 2):
            raise ValueError(
                f"loss={loss.name!r} needs pos_label, the label whose people are to be found; labels are {', '.join(shown)}."
            )
        return replace(loss, pos_label=1)
    if loss.pos_label not in labels:
        raise ValueError(f"pos_label={loss.pos_label!r} does not occur; labels are {', '.join(shown)}.")
    return loss


def nobody_concerned(loss: Loss) -> str:
    """Say that a loss concerns nobody in the sample."""
    which = "" if loss.concerns == "positives" else " not"
    return f"loss={loss.name!r} concerns people whose label is{which} {loss.pos_label!r}; there are none."


def concerned_by(loss: Loss, y: np.ndarray) -> np.ndarray:
    """Whom a loss concerns, as a mask.

    Raises
    ------
    ValueError
        If it concerns nobody.
    """
    if loss.concerns is None:
        return np.ones(len(y), dtype=bool)
    concerned = (
        np.equal(y, loss.pos_label) if loss.concerns == "positives" else np.not_equal(y, loss.pos_label)
    )
    if not concerned.any():
        raise ValueError(nobody_concerned(loss))
    return np.asarray(concerned, dtype=bool)


def losses_of_concerned(
    loss: Loss, y: np.ndarray, predictions: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Whom a loss concerns, as a mask, and their losses by each prediction.

    Raises
    ------
    ValueError
        If it concerns nobody, or predictions are not of the kind that it compares.
    """
    concerned = concerned_by(loss, y)
    return concerned, [loss(y[concerned], column[concerned], name) for name, column in predictions.items()]


def _find(loss: str | Callable[..., Any]) -> Loss:
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]
    if callable(loss):
        name = getattr(loss, "__name__", "custom")
        bounds = {which: getattr(loss, which, None) for which in ("upper", "lower")}
        for which, bound in bounds.items():
            if bound is not None and not isinstance(bound, Real):
                raise ValueError(f"loss {name!r} has {which}={bound!r}; it must be a number.")
            if bound is not None and not np.isfinite(float(bound)):
                raise ValueError(
                    f"loss {name!r} has {which}={bound!r}; leave the attribute out where there is no limit."
                )
        return Loss(name, loss, getattr(loss, "predicts", "values"), **bounds)
    raise ValueError(f"loss must be one of {sorted(LOSSES)} or a callable; got {loss!r}.")
