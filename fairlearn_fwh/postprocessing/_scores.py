"""Scores by which classifiers are chosen, and the test that belongs to each."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from ..base._answers import align_probabilities, ask_labels
from ..base._samples import Sample
from ..metrics import MisclassificationCost, PreferenceFrame, keep_own_classifier
from ..metrics._core._label_sets import all_labels
from ..metrics._core._losses import LOSSES, Loss, resolve_loss
from ..metrics._inference._delong import compare_auc
from ..metrics._inference._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values
from ..metrics._inference._tests import (
    PairedDifferences,
    certificate_p_value,
    gain_lower_bound,
)
from ..metrics._rule import RULES, decide

GUARANTEES = CERTIFIED, EMPIRICAL = RULES

#: Losses of classifiers.
SCORED_LOSSES = ("zero_one", "missed", "false_alarm", "rejection", "brier", "log")

NOBODY = "nobody of the group is in the selection data"


@dataclass(frozen=True)
class Guarantee:
    """When a classifier may take the place of the pooled one."""

    kind: str
    tolerance: float
    alpha: float


@dataclass(frozen=True)
class PairedAnswers:
    """What a classifier and the pooled one answer to the same people, claim by claim.

    A claim is about one group and one classifier; with several classifiers per group a person occurs in several claims.

    Attributes
    ----------
    y : ndarray, shape (m,)
        True labels.
    answers, pooled : ndarray, shape (m,)
        Labels, or probabilities of the positive class.
    claims : ndarray of int, shape (m,)
        Claim of each row.
    weights : ndarray, shape (m,), or None
    groups : ndarray of int, shape (n_claims,)
        Group of each claim: claims about different groups are about different people.
    units : ndarray of int, shape (m,), or None
        Whose rows belong together.
    """

    y: np.ndarray
    answers: np.ndarray
    pooled: np.ndarray
    claims: np.ndarray
    weights: np.ndarray | None
    groups: np.ndarray
    units: np.ndarray | None = None

    @property
    def n_claims(self) -> int:
        """Number of claims."""
        return len(self.groups)

    def rows_by_claim(self) -> list[np.ndarray]:
        """Positions of the rows of every claim."""
        order = np.argsort(self.claims, kind="stable")
        sizes = np.bincount(self.claims, minlength=self.n_claims)
        return np.split(order, np.cumsum(sizes)[:-1])


class Score(ABC):
    """Something that is to be as great as possible for every group.

    Attributes
    ----------
    name : str
    loss : Loss
        What preferences are measured in after the choice.
    """

    name: str
    loss: Loss = LOSSES["zero_one"]

    @property
    def loss_of_frame(self) -> Any:
        """The loss as frames take it."""
        return self.loss.name

    def encode(self, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Number the classes, as probabilities and decisions need."""
        return np.searchsorted(classes, labels)

    def ask(self, model: Any, X: Any, classes: np.ndarray) -> np.ndarray:
        """Ask a classifier for what the score compares with `encode` of the true labels.

        Raises
        ------
        ValueError
            If the classifier cannot tell, or predicts what is no class.
        """
        if self.loss.predicts != "probabilities":
            return self.encode(ask_labels(model, X, classes), classes)
        if not hasattr(model, "predict_proba"):
            raise ValueError(
                f"scoring={self.name!r} needs predict_proba, which {type(model).__name__} does not have."
            )
        return align_probabilities(model, X, classes)[:, 1]

    @abstractmethod
    def compare(self, sample: PairedAnswers, guarantee: Guarantee) -> pd.DataFrame:
        """Compare classifiers with the pooled one.

        Returns
        -------
        DataFrame
            One row per claim: `n`, `score`, `pooled_score`, `gain`, `lower_bound`, `p_adjusted`, `keep`, `reason`.
        """

    def check(self, guarantee: Guarantee, classes: np.ndarray, given: Sample) -> None:
        """Raise ValueError if the score cannot be had for these classes, or has no test and needs one."""
        needs_two = self.loss.predicts in ("probabilities", "decisions") or self.loss.concerns is not None
        if needs_two and len(classes) != 2:
            raise ValueError(f"scoring={self.name!r} needs two classes; y has {len(classes)}.")


@dataclass
class LossScore(Score):
    """A mean loss, negated; accuracy is one minus the 0-1 loss."""

    name: str
    loss: Loss = LOSSES["zero_one"]

    def check(self, guarantee: Guarantee, classes: np.ndarray, given: Sample) -> None:
        super().check(guarantee, classes, given)
        if guarantee.kind == CERTIFIED and self.loss.upper is None:
            _refuse_certificate(self.name)
        if guarantee.kind == CERTIFIED and not self.loss.is_binary and given.weights is not None:
            raise ValueError(
                f"scoring={self.name!r} with guarantee='certified' does not take sample_weight: its bound "
                "is for equal weights. Use scoring='accuracy' or guarantee='empirical'."
            )

    def compare(self, sample: PairedAnswers, guarantee: Guarantee) -> pd.DataFrame:
        frame = PreferenceFrame(
            y_true=sample.y,
            y_pred=sample.answers,
            y_pred_pooled=sample.pooled,
            sensitive_features=sample.claims,
            sample_weight=sample.weights,
            units=sample.units,
            loss=self.loss_of_frame,
            labels=all_labels(sample.y, sample.answers, sample.pooled)
            if self.loss.predicts == "labels"
            else None,
        )
        table = keep_own_classifier(
            frame,
            rule=guarantee.kind,
            tolerance=guarantee.tolerance,
            alpha=guarantee.alpha,
            people=sample.groups[np.unique(sample.claims)],
        )
        offset = 1.0 if self.loss.is_binary else 0.0
        figures = frame.by_group
        table = table.assign(
            score=offset - figures["risk"].to_numpy(), pooled_score=offset - figures["pooled_risk"].to_numpy()
        ).reindex(range(sample.n_claims))
        empty = table["n"].isna()
        return table.assign(
            n=table["n"].fillna(0).astype(int),
            keep=table["keep"].eq(True),
            reason=table["reason"].where(~empty, NOBODY),
        )


class CostScore(LossScore):
    """A mean cost, negated, in the user's labels."""

    def __init__(self, cost: MisclassificationCost) -> None:
        super().__init__(cost.__name__, resolve_loss(cost))
        self.cost = cost

    @property
    def loss_of_frame(self) -> Any:
        return self.cost

    def encode(self, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Leave labels as the costs know them."""
        return labels

    def check(self, guarantee: Guarantee, classes: np.ndarray, given: Sample) -> None:
        super().check(guarantee, classes, given)
        if unknown := sorted(set(classes.tolist()) - set(self.cost.classes.tolist()), key=str):
            raise ValueError(
                f"scoring has costs for the classes {self.cost.classes.tolist()}; y has {unknown!r} as well."
            )


class AucScore(Score):
    """The area under the ROC curve within each group, tested by DeLong's method with Student's distribution.

    The degrees of freedom are those of the rarer class, on which the estimate of the variance rests.
    """

    name = "roc_auc"
    loss = LOSSES["brier"]

    def check(self, guarantee: Guarantee, classes: np.ndarray, given: Sample) -> None:
        super().check(guarantee, classes, given)
        if guarantee.tolerance >= 1:
            raise ValueError(f"tolerance must be below 1 for scoring='roc_auc'; got {guarantee.tolerance!r}.")
        for name, values in (("sample_weight", given.weights), ("units", given.units)):
            if guarantee.kind == CERTIFIED and values is not None:
                raise ValueError(
                    f"scoring='roc_auc' with guarantee='certified' does not take {name}: DeLong's variance is for independent people who "
                    "count alike. Use scoring='accuracy' or guarantee='empirical'."
                )

    def compare(self, sample: PairedAnswers, guarantee: Guarantee) -> pd.DataFrame:
        positive = sample.y == 1
        rows = sample.rows_by_claim()
        if sample.weights is not None:
            return _without_test(sample, guarantee, _weighted_auc)
        compared = [compare_auc(positive[i], sample.answers[i], sample.pooled[i]) for i in rows]
        own, other, variance, rarer = (
            np.array([getattr(c, field) for c in compared])
            for field in ("own", "other", "variance", "n_rarer")
        )
        differences = PairedDifferences(
            n=rarer.astype(float),
            gain=own - other,
            variance=np.nan_to_num(variance),
            worse=None,
            better=None,
            weighted=False,
            upper=None,
        )
        p_values = certificate_p_value(differences, guarantee.tolerance, "tango")
        known = rarer > 0
        adjusted = np.full(sample.n_claims, np.nan)
        groups = sample.groups[known]
        adjusted[known] = adjust_p_values(
            p_values[known],
            MIN_P,
            laws=NullLaws.uniform(len(groups)),
            people=SharedPeople(groups, np.zeros(len(groups), dtype=int)),
        )
        bounds = gain_lower_bound(differences, guarantee.alpha / max(int(known.sum()), 1), "tango")
        return _decide(
            [len(i) for i in rows], own, other, guarantee, np.where(known, bounds, np.nan), adjusted
        )


@dataclass
class MetricScore(Score):
    """Any metric of labels, within each group; it has no test."""

    metric: Callable[..., float]
    name: str

    def encode(self, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Leave labels as the user's metric knows them."""
        return labels

    def check(self, guarantee: Guarantee, classes: np.ndarray, given: Sample) -> None:
        if guarantee.kind == CERTIFIED:
            _refuse_certificate(self.name)
        if given.weights is not None and "sample_weight" not in inspect.signature(self.metric).parameters:
            raise ValueError(f"sample_weight was given, but scoring={self.name!r} does not take it.")

    def compare(self, sample: PairedAnswers, guarantee: Guarantee) -> pd.DataFrame:
        return _without_test(sample, guarantee, self.metric)


def nothing_to_compare(n_claims: int) -> pd.DataFrame:
    """Make the comparison of claims about which nobody is in the sample."""
    figures = dict.fromkeys(("score", "pooled_score", "gain", "lower_bound", "p_adjusted"), np.nan)
    return pd.DataFrame({"n": 0, **figures, "keep": False, "reason": NOBODY}, index=range(n_claims))


def _refuse_certificate(name: str) -> None:
    raise ValueError(
        f"guarantee='certified' needs a score that has a test: 'accuracy', 'zero_one', 'missed', 'false_alarm', 'brier', 'rejection', 'roc_auc' or a MisclassificationCost; "
        f"got scoring={name!r}. Use guarantee='empirical' for it."
    )


def _weighted_auc(y: np.ndarray, answers: np.ndarray, *, sample_weight: np.ndarray) -> float:
    if len(np.unique(y)) < 2:
        return np.nan
    return float(roc_auc_score(y, answers, sample_weight=sample_weight))


def _balanced_accuracy(
    y: np.ndarray, answers: np.ndarray, *, sample_weight: np.ndarray | None = None
) -> float:
    """Mean over the classes that occur in the group; NaN where only one does."""
    if len(np.unique(y)) < 2:
        return np.nan
    return float(balanced_accuracy_score(y, answers, sample_weight=sample_weight))


def _without_test(sample: PairedAnswers, guarantee: Guarantee, metric: Callable[..., float]) -> pd.DataFrame:
    """Compare by a metric that is asked claim by claim."""
    values = np.full((2, sample.n_claims), np.nan)
    rows = sample.rows_by_claim()
    for claim, mine in enumerate(rows):
        weights = {} if sample.weights is None else {"sample_weight": sample.weights[mine]}
        if len(mine):
            for i, answers in enumerate((sample.answers, sample.pooled)):
                values[i, claim] = metric(sample.y[mine], answers[mine], **weights)
    unknown = np.full(sample.n_claims, np.nan)
    return _decide([len(i) for i in rows], values[0], values[1], guarantee, unknown, unknown)


def _decide(
    n: list[int],
    own: np.ndarray,
    pooled: np.ndarray,
    guarantee: Guarantee,
    bounds: np.ndarray,
    adjusted: np.ndarray,
) -> pd.DataFrame:
    gain = own - pooled
    table = pd.DataFrame(
        {
            "n": n,
            "gain": gain,
            "lower_bound": bounds,
            "p_adjusted": adjusted,
            "certified": np.nan_to_num(adjusted, nan=1.0) < guarantee.alpha,
            "identical": False,
        }
    )
    table = decide(table, guarantee.kind, guarantee.tolerance).assign(score=own, pooled_score=pooled)
    one_class = np.isnan(gain) & (table["n"].to_numpy() > 0)
    reason = table["reason"].where(~one_class, "the score is not defined: a class is missing in the group")
    return table.assign(reason=reason.where(table["n"] > 0, NOBODY))


def resolve_score(score: str | Callable[..., float]) -> Score:
    """Find a score by name, or wrap the user's metric.

    Raises
    ------
    ValueError
        If `score` is neither a known name nor callable.
    """
    if score == "accuracy":
        return LossScore("accuracy")
    if score == "balanced_accuracy":
        return MetricScore(_balanced_accuracy, "balanced_accuracy")
    if score == "roc_auc":
        return AucScore()
    if score in SCORED_LOSSES:
        return LossScore(str(score), LOSSES[str(score)])
    if isinstance(score, MisclassificationCost):
        return CostScore(score)
    if callable(score) and "estimator" in inspect.signature(score).parameters:
        raise ValueError(
            f"scoring must be a metric (y_true, y_pred), such as sklearn.metrics.f1_score; got the scorer {score!r}."
        )
    if callable(score):
        return MetricScore(score, getattr(score, "__name__", type(score).__name__))
    names = ["accuracy", "balanced_accuracy", "roc_auc", *SCORED_LOSSES]
    raise ValueError(f"scoring must be one of {names} or a callable (y_true, y_pred); got {score!r}.")
