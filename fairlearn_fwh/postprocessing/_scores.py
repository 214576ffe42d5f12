"""Scores by which classifiers are chosen, and the test that belongs to each."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from ..base._answers import align_probabilities, ask_amounts, ask_labels
from ..base._samples import Sample
from ..base._tasks import CLASSIFICATION, REGRESSION, Task
from ..metrics import MisclassificationCost, PinballLoss, PreferenceFrame
from ..metrics._core._groups import POOLED
from ..metrics._core._label_sets import all_labels
from ..metrics._core._losses import LOSSES, Loss, concerned_by, resolve_loss
from ..metrics._inference._checks import check_margin, check_test
from ..metrics._inference._claims import Claims, of_people
from ..metrics._inference._delong import compare_auc
from ..metrics._inference._step_down import MIN_P, SharedPeople
from ..metrics._inference._tests import PairedDifferences
from ._guarantees import Guarantee

#: Losses of classifiers, and of regressors.
SCORED_LOSSES = ("zero_one", "missed", "false_alarm", "rejection", "brier", "log")
SCORED_AMOUNTS = ("squared", "absolute", "pinball")

NOBODY = "nobody of the group is in the selection data"


@dataclass(frozen=True)
class PairedAnswers:
    """What candidates and the pooled classifier answer to the same people, claim by claim.

    A claim is about one group and one candidate; with several candidates per group a person occurs in several claims.

    Attributes
    ----------
    y : ndarray, shape (m,)
        True labels.
    answers, pooled : ndarray, shape (R, m)
        Labels, or probabilities of the positive class, of the classifiers of each of R repeats.
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


@dataclass(frozen=True)
class Comparison:
    """What the selection data say of each claim.

    Attributes
    ----------
    table : DataFrame
        One row per claim: `n`, `score`, `pooled_score`, `gain`; and `reason` where there is nothing to compare, else empty.
    claims : Claims or None
        Those about which something can be tested, in the order of `tested`; None if the score has no test.
    tested : ndarray of int
        Positions of these claims.
    span : float
        Largest possible difference of two scores.
    """

    table: pd.DataFrame
    claims: Claims | None
    tested: np.ndarray
    span: float


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

    def encode(self, y: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Number the classes, as probabilities and decisions need; amounts stay as they are."""
        return y if classes is None else np.searchsorted(classes, y)

    def ask(self, model: Any, X: Any, classes: np.ndarray | None) -> np.ndarray:
        """Ask a model for what the score compares with `encode` of the truth.

        Raises
        ------
        ValueError
            If the model cannot tell, or predicts what is not a class.
        """
        if classes is None:
            return ask_amounts(model, X)
        if self.loss.predicts != "probabilities":
            return self.encode(ask_labels(model, X, classes), classes)
        if not hasattr(model, "predict_proba"):
            raise ValueError(
                f"scoring={self.name!r} needs predict_proba, which {type(model).__name__} does not have."
            )
        return align_probabilities(model, X, classes)[:, 1]

    @abstractmethod
    def compare(self, sample: PairedAnswers) -> Comparison:
        """Compare candidates with the pooled classifier."""

    def check(self, guarantee: Guarantee, classes: np.ndarray | None, given: Sample) -> None:
        """Raise ValueError if the score cannot be had for these classes, or has no test and needs one."""
        needs_two = self.loss.predicts in ("probabilities", "decisions") or self.loss.concerns is not None
        if needs_two and classes is not None and len(classes) != 2:
            raise ValueError(f"scoring={self.name!r} needs two classes; y has {len(classes)}.")


@dataclass
class LossScore(Score):
    """A mean loss, negated; accuracy is one minus the 0-1 loss."""

    name: str
    loss: Loss = LOSSES["zero_one"]

    def check(self, guarantee: Guarantee, classes: np.ndarray | None, given: Sample) -> None:
        super().check(guarantee, classes, given)
        if not guarantee.needs_test:
            return
        if self.loss.span is None:
            raise ValueError(
                f"guarantee={guarantee.kind!r} needs a loss that has a largest value, and scoring={self.name!r} has none: a rare large loss may not be among the "
                "selection rows. Give loss_limit, where losses are cut off, or use guarantee='empirical'."
            )
        if not self.loss.is_binary and given.weights is not None:
            raise ValueError(
                f"scoring={self.name!r} with guarantee={guarantee.kind!r} does not take sample_weight: its bound "
                f"is for equal weights. Use {'' if classes is None else 'scoring=' + repr('accuracy') + ' or '}guarantee='empirical'."
            )
        weighted = given.weights is not None or given.units is not None
        check_test(guarantee.tolerance, guarantee.alpha, "tango", MIN_P, self.loss, weighted)
        check_margin(guarantee.harm_margin, self.loss, "harm_margin")

    def compare(self, sample: PairedAnswers) -> Comparison:
        frame = self._frame(sample)
        figures = frame.by_group
        present = figures.index.to_numpy().astype(np.intp)
        offset = 1.0 if self.loss.is_binary else 0.0
        table = pd.DataFrame(
            {
                "n": figures["n"].to_numpy(),
                "score": offset - figures["risk"].to_numpy(),
                "pooled_score": offset - figures["pooled_risk"].to_numpy(),
                "gain": figures["rationality_gain"].to_numpy(),
            },
            index=figures.index,
        ).reindex(range(sample.n_claims))
        # A loss may concern nobody of a group.
        table["n"] = table["n"].fillna(0).astype(int)
        table["reason"] = np.where(table["n"] > 0, "", NOBODY)
        claims = None
        if frame.can_be_tested:
            claims = of_people(frame._claims("rationality", strict=True), sample.groups[present])
        return Comparison(table, claims, present, self.loss.span or np.nan)

    def _frame(self, sample: PairedAnswers) -> PreferenceFrame:
        """Measure every claim; of several repeats each person's mean losses, so that nobody is counted twice."""
        given: dict[str, Any] = {
            "sensitive_features": sample.claims,
            "sample_weight": sample.weights,
            "units": sample.units,
        }
        if len(sample.answers) == 1:
            own, pooled = sample.answers[0], sample.pooled[0]
            labels = all_labels(sample.y, own, pooled) if self.loss.predicts == "labels" else None
            return PreferenceFrame(
                y_true=sample.y,
                y_pred=own,
                y_pred_pooled=pooled,
                loss=self.loss,
                labels=labels,
                **given,
            )
        own, pooled = (self._mean_losses(sample.y, answers) for answers in (sample.answers, sample.pooled))
        mean_loss = _MeanLoss(self.loss.lower, self.loss.upper)
        # A loss of some people alone is measured on them alone; classes are numbered, so that 1 is the positive one.
        rows = np.flatnonzero(concerned_by(replace(self.loss, pos_label=1), sample.y))
        return PreferenceFrame(
            y_true=np.zeros(len(rows)),
            y_pred=own[rows],
            y_pred_pooled=pooled[rows],
            loss=mean_loss,
            **_taken(given, rows),
        )

    def _mean_losses(self, y: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Loss of each person, the mean over the repeats, shape (m,)."""
        everybody = replace(self.loss, concerns=None)
        return np.mean([np.asarray(everybody(y, of_repeat), dtype=float) for of_repeat in answers], axis=0)


def _taken(given: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return {name: None if values is None else values[rows] for name, values in given.items()}


class _MeanLoss:
    """A loss that was found before: the prediction is the loss."""

    __name__ = "mean loss of repeats"

    def __init__(self, lower: float | None, upper: float | None) -> None:
        self.lower, self.upper = lower, upper

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_pred


class CostScore(LossScore):
    """A mean cost, negated, in the user's labels."""

    def __init__(self, cost: MisclassificationCost) -> None:
        super().__init__(cost.__name__, resolve_loss(cost))
        self.cost = cost

    def encode(self, y: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Leave labels as the costs know them."""
        return y

    def check(self, guarantee: Guarantee, classes: np.ndarray | None, given: Sample) -> None:
        super().check(guarantee, classes, given)
        assert classes is not None
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

    def check(self, guarantee: Guarantee, classes: np.ndarray | None, given: Sample) -> None:
        super().check(guarantee, classes, given)
        if guarantee.tolerance >= 1:
            raise ValueError(f"tolerance must be below 1 for scoring='roc_auc'; got {guarantee.tolerance!r}.")
        for name, values in (("sample_weight", given.weights), ("units", given.units)):
            if guarantee.needs_test and values is not None:
                raise ValueError(
                    f"scoring='roc_auc' with guarantee={guarantee.kind!r} does not take {name}: DeLong's variance is for independent people who "
                    "count alike. Use scoring='accuracy' or guarantee='empirical'."
                )

    def compare(self, sample: PairedAnswers) -> Comparison:
        if sample.weights is not None:
            return _without_test(sample, _weighted_auc)
        answers, pooled = sample.answers.mean(axis=0), sample.pooled.mean(axis=0)
        positive, rows = sample.y == 1, sample.rows_by_claim()
        compared = [compare_auc(positive[i], answers[i], pooled[i]) for i in rows]
        own, other, variance, rarer = (
            np.array([getattr(c, field) for c in compared])
            for field in ("own", "other", "variance", "n_rarer")
        )
        table = _compared([len(i) for i in rows], own, other)
        known = np.flatnonzero(rarer > 0)
        differences = PairedDifferences(
            n=rarer[known].astype(float),
            gain=(own - other)[known],
            variance=np.nan_to_num(variance[known]),
            worse=None,
            better=None,
            weighted=False,
            upper=None,
            unseen=rarer[known].astype(float),
        )
        claims = pd.DataFrame(
            {
                "group": known,
                "kind": "rationality",
                "other": POOLED,
                "n": table["n"].to_numpy()[known],
                "gain": differences.gain,
                "identical": False,
                "never_right": False,
            }
        )
        groups = sample.groups[known]
        people = SharedPeople(groups, np.zeros(len(groups), dtype=int))
        return Comparison(table, Claims(claims, differences, people), known, 1.0)


@dataclass
class MetricScore(Score):
    """Any metric of labels or amounts, within each group; it has no test."""

    metric: Callable[..., float]
    name: str
    loss: Loss = LOSSES["zero_one"]

    def encode(self, y: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Leave labels as the user's metric knows them."""
        return y

    def check(self, guarantee: Guarantee, classes: np.ndarray | None, given: Sample) -> None:
        if guarantee.needs_test:
            raise _has_no_test(self.name, guarantee, of_amounts=classes is None)
        if given.weights is not None and "sample_weight" not in inspect.signature(self.metric).parameters:
            raise ValueError(f"sample_weight was given, but scoring={self.name!r} does not take it.")

    def compare(self, sample: PairedAnswers) -> Comparison:
        return _without_test(sample, self.metric)


def nothing_to_compare(n_claims: int) -> Comparison:
    """Make the comparison of claims about which nobody is in the sample."""
    figures = dict.fromkeys(("score", "pooled_score", "gain"), np.nan)
    table = pd.DataFrame({"n": 0, **figures, "reason": NOBODY}, index=range(n_claims))
    return Comparison(table, None, np.zeros(0, dtype=int), np.nan)


def _has_no_test(name: str, guarantee: Guarantee, *, of_amounts: bool) -> ValueError:
    tested = (
        "'squared' or 'absolute', a PinballLoss, each with loss_limit, or a loss with attributes `lower` and `upper`"
        if of_amounts
        else "'accuracy', 'zero_one', 'missed', 'false_alarm', 'brier', 'rejection', 'roc_auc', a MisclassificationCost, or 'log' with loss_limit"
    )
    return ValueError(
        f"guarantee={guarantee.kind!r} needs a score that has a test: {tested}; got scoring={name!r}. Use guarantee='empirical' for it."
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


def _without_test(sample: PairedAnswers, metric: Callable[..., float]) -> Comparison:
    """Compare by a metric that is asked claim by claim; of several repeats the mean of what it says."""
    rows = sample.rows_by_claim()
    values = np.full((2, sample.n_claims), np.nan)
    for claim, mine in enumerate(rows):
        weights = {} if sample.weights is None else {"sample_weight": sample.weights[mine]}
        if len(mine):
            for i, answers in enumerate((sample.answers, sample.pooled)):
                values[i, claim] = np.mean(
                    [metric(sample.y[mine], of_repeat[mine], **weights) for of_repeat in answers]
                )
    table = _compared([len(i) for i in rows], values[0], values[1])
    return Comparison(table, None, np.zeros(0, dtype=int), np.nan)


def _compared(n: list[int], own: np.ndarray, pooled: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame({"n": n, "score": own, "pooled_score": pooled, "gain": own - pooled})
    one_class = "the score is not defined: a class is missing in the group"
    table["reason"] = np.where(table["n"] == 0, NOBODY, np.where(table["gain"].isna(), one_class, ""))
    return table


def resolve_score(
    score: str | Callable[..., float] | None, task: Task = CLASSIFICATION, loss_limit: float | None = None
) -> Score:
    """Find a score by name, or wrap the user's metric.

    Parameters
    ----------
    score : str, callable or None
        None is the accuracy of classes and the squared loss of amounts.
    task : Task
        What is predicted.
    loss_limit : float, optional
        Where losses are cut off.

    Raises
    ------
    ValueError
        If `score` is neither a name that is known for the task nor callable, or `loss_limit` does not apply to it.
    """
    if callable(score) and "estimator" in inspect.signature(score).parameters:
        raise ValueError(
            f"scoring must be a metric (y_true, y_pred), such as sklearn.metrics.f1_score; got the scorer {score!r}."
        )
    found = (
        _score_of_amounts(score, loss_limit) if task is REGRESSION else _score_of_classes(score, loss_limit)
    )
    if loss_limit is not None and not isinstance(found, LossScore):
        raise ValueError(
            f"loss_limit cuts off losses, and scoring={found.name!r} is not a loss; leave it out."
        )
    return found


def _score_of_classes(score: Any, loss_limit: float | None) -> Score:
    if score is None or score == "accuracy":
        return LossScore("accuracy", resolve_loss("zero_one", loss_limit))
    if score == "balanced_accuracy":
        return MetricScore(_balanced_accuracy, "balanced_accuracy")
    if score == "roc_auc":
        return AucScore()
    if isinstance(score, str) and score in SCORED_LOSSES:
        return LossScore(score, resolve_loss(score, loss_limit))
    if isinstance(score, MisclassificationCost):
        return CostScore(score)
    if callable(score):
        return MetricScore(score, getattr(score, "__name__", type(score).__name__))
    raise _unknown(score, ["accuracy", "balanced_accuracy", "roc_auc", *SCORED_LOSSES], "classifiers")


def is_score_of_amounts(score: Any) -> bool:
    """Whether a score is a loss of regressors."""
    if isinstance(score, str):
        return score in SCORED_AMOUNTS
    return isinstance(score, PinballLoss) or (
        hasattr(score, "upper") and not isinstance(score, MisclassificationCost)
    )


def _score_of_amounts(score: Any, loss_limit: float | None) -> Score:
    score = "squared" if score is None else score
    if is_score_of_amounts(score):
        loss = resolve_loss(score, loss_limit)
        return LossScore(loss.name, loss)
    if callable(score):
        return MetricScore(score, getattr(score, "__name__", type(score).__name__), LOSSES["squared"])
    raise _unknown(score, list(SCORED_AMOUNTS), "regressors")


def _unknown(score: Any, names: list[str], of_whom: str) -> ValueError:
    return ValueError(
        f"scoring must be one of {names} (of {of_whom}) or a callable (y_true, y_pred); got {score!r}."
    )
