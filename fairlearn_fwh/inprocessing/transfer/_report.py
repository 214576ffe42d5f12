"""Whether fairness was carried over, and at whose cost, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sklearn.metrics import f1_score

from ...metrics import PreferenceFrame
from ...metrics._core._names import group_name
from ...metrics._equalized_odds import differential_equalized_odds

ALPHA = 0.05


@dataclass(frozen=True)
class TransferReport:
    """A target task that was learned with others, against the same network that was learned alone.

    Attributes
    ----------
    epsilon, single_task_epsilon : float
        Differential equalized odds.
    macro_f1, single_task_macro_f1 : float
    frame : PreferenceFrame
        What each group gains over the single task.
    verdict : str
        What that means.

    Examples
    --------
    >>> from fairlearn_fwh.inprocessing import TransferReport
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> y, fair, alone, sex = [1, 1, 1, 1], [1, 0, 1, 0], [1, 0, 1, 1], ["f", "f", "m", "m"]
    >>> frame = PreferenceFrame(y_true=y, y_pred=fair, y_pred_pooled=alone, sensitive_features=sex)
    >>> report = TransferReport.of(frame, y, fair, alone, sensitive_features=sex)
    >>> report.verdict
    'Fairer than the single task. No group was found to be significantly worse off, which certifies nothing.'
    """

    epsilon: float
    single_task_epsilon: float
    macro_f1: float
    single_task_macro_f1: float
    frame: PreferenceFrame
    verdict: str

    @classmethod
    def of(
        cls,
        frame: PreferenceFrame,
        y: Any,
        answers: Any,
        answers_alone: Any,
        *,
        sensitive_features: Any,
        sample_weight: Any = None,
    ) -> Self:
        """Compare answers with those of the single task.

        Parameters
        ----------
        frame : PreferenceFrame
            With the answers of the single task as the pooled ones.
        y, answers, answers_alone : array-like, shape (n,)
            True labels, and labels by the model and by the single task.
        sensitive_features : array-like, shape (n,), DataFrame or dict
        sample_weight : array-like, shape (n,), optional

        Returns
        -------
        TransferReport
        """
        epsilons = [
            differential_equalized_odds(
                y, given, sensitive_features=sensitive_features, sample_weight=sample_weight
            )
            for given in (answers, answers_alone)
        ]
        scores = [
            float(f1_score(y, given, average="macro", sample_weight=sample_weight, zero_division=0.0))
            for given in (answers, answers_alone)
        ]
        everybody_lost = bool((frame.by_group["rationality_gain"] < 0).all()) and scores[0] < scores[1]
        verdict = _verdict(epsilons[0] < epsilons[1], everybody_lost, frame)
        return cls(epsilons[0], epsilons[1], scores[0], scores[1], frame, verdict)

    def __str__(self) -> str:
        """Figures and verdict."""
        return (
            f"epsilon {self.single_task_epsilon:.3f} -> {self.epsilon:.3f}, "
            f"macro F1 {self.single_task_macro_f1:.3f} -> {self.macro_f1:.3f}. {self.verdict}"
        )


def _verdict(fairer: bool, everybody_lost: bool, frame: PreferenceFrame) -> str:
    harmed = frame.violations(ALPHA, "rationality")["group"].tolist()
    if not fairer:
        first = "Not fairer than the single task."
    elif everybody_lost:
        first = "Fairer, but every group has lost accuracy (equal mediocrity)."
    else:
        first = "Fairer than the single task."
    if harmed:
        return f"{first} Significantly worse off: {', '.join(map(group_name, harmed))}."
    return f"{first} No group was found to be significantly worse off, which certifies nothing."
