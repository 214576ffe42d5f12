"""What the pooled classifier and the groups' own answer to people who took no part in fitting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base._samples import Sample, take_rows
from ..metrics._core._groups import encode_groups, find_groups

#: Asks a fitted classifier about rows: labels, or probabilities of the positive class.
Ask = Callable[[Any, Any], np.ndarray]


@dataclass(frozen=True)
class Part:
    """Selection rows and the fitted ensemble that has not seen them.

    Attributes
    ----------
    ensemble : fitted routed ensemble
    sample : Sample
    codes : ndarray of int, shape (n,)
        Position of each row's group among `labels`, -1 for people of no group.
    labels : list
    """

    ensemble: Any
    sample: Sample
    codes: np.ndarray
    labels: list[Any]

    @classmethod
    def of(cls, ensemble: Any, sample: Sample, sensitive_features: Any, labels: list[Any]) -> Part:
        """Route the rows."""
        groups = ensemble.predict_group(sample.X, sensitive_features=sensitive_features)
        return cls(ensemble, sample, find_groups(encode_groups(groups), labels), labels)

    def model_of(self, label: Any) -> Any:
        """Return the group's own classifier, or the pooled one if it has none."""
        return self.ensemble.group_estimators_.get(label, self.ensemble.pooled_estimator_)

    def pooled_answers(self, ask: Ask) -> np.ndarray:
        """Ask the pooled classifier about everybody."""
        return ask(self.ensemble.pooled_estimator_, self.sample.X)

    def own_answers(self, pooled_answers: np.ndarray, ask: Ask) -> np.ndarray:
        """Ask each own classifier about its own group alone; people without one have the pooled answers."""
        answers = pooled_answers.copy()
        order = np.argsort(self.codes, kind="stable")
        present, starts = np.unique(self.codes[order], return_index=True)
        for code, rows in zip(present, np.split(order, starts[1:]), strict=True):
            model = self.ensemble.pooled_estimator_ if code < 0 else self.model_of(self.labels[code])
            if model is not self.ensemble.pooled_estimator_:
                mine = ask(model, take_rows(self.sample.X, rows))
                answers = answers.astype(np.result_type(answers, mine), copy=False)
                answers[rows] = mine
        return answers

    def answers_of(self, labels: Sequence[Any], ask: Ask) -> dict[Any, np.ndarray]:
        """Ask the classifiers of some groups about everybody, each classifier once."""
        asked: dict[int, np.ndarray] = {}
        for label in labels:
            model = self.model_of(label)
            if id(model) not in asked:
                asked[id(model)] = ask(model, self.sample.X)
        return {label: asked[id(self.model_of(label))] for label in labels}
