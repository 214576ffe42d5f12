"""What the pooled classifier and the candidates answer to people who took no part in fitting them."""

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
class Candidate:
    """What may take the place of the pooled classifier, group by group.

    Attributes
    ----------
    name : label
        What tables call it.
    models_of : callable (fitted ensemble) -> dict from group to classifier
        Groups that are not in it, or have the pooled classifier there, have no such candidate.
    """

    name: Any
    models_of: Callable[[Any], dict[Any, Any]]


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
    rows : ndarray of int, shape (n,)
        Positions of the rows in what was given to `fit`.
    """

    ensemble: Any
    sample: Sample
    codes: np.ndarray
    labels: list[Any]
    rows: np.ndarray

    @classmethod
    def of(
        cls, ensemble: Any, sample: Sample, sensitive_features: Any, labels: list[Any], rows: np.ndarray
    ) -> Part:
        """Route the rows."""
        groups = ensemble.predict_group(sample.X, sensitive_features=sensitive_features)
        return cls(ensemble, sample, find_groups(encode_groups(groups), labels), labels, rows)

    def pooled_answers(self, ask: Ask) -> np.ndarray:
        """Ask the pooled classifier about everybody."""
        return ask(self.ensemble.pooled_estimator_, self.sample.X)

    def answers(self, candidate: Candidate, asked: np.ndarray, pooled: np.ndarray, ask: Ask) -> np.ndarray:
        """Ask a candidate about the people of some groups; others, and groups that it does not serve, have the pooled answers.

        Parameters
        ----------
        candidate : Candidate
        asked : ndarray of bool, shape (A,)
            About which groups.
        pooled : ndarray, shape (n,)
        ask : callable

        Returns
        -------
        ndarray, shape (n,)
        """
        models = candidate.models_of(self.ensemble)
        answers = pooled.copy()
        served: dict[int, tuple[Any, list[int]]] = {}
        for code in np.unique(self.codes):
            if code >= 0 and asked[code]:
                model = models.get(self.labels[code], self.ensemble.pooled_estimator_)
                if model is not self.ensemble.pooled_estimator_:
                    served.setdefault(id(model), (model, []))[1].append(int(code))
        order = np.argsort(self.codes, kind="stable")
        starts = np.searchsorted(self.codes[order], np.arange(len(self.labels) + 1))
        for model, codes in served.values():
            rows = np.concatenate([order[starts[code] : starts[code + 1]] for code in codes])
            mine = ask(model, take_rows(self.sample.X, np.sort(rows)))
            answers = answers.astype(np.result_type(answers, mine), copy=False)
            answers[np.sort(rows)] = mine
        return answers

    def answers_of(self, served: Sequence[tuple[Any, Candidate]], ask: Ask) -> dict[Any, np.ndarray]:
        """Ask the candidates that serve some groups about everybody, each classifier once.

        Parameters
        ----------
        served : sequence of (label of a group, Candidate)
        ask : callable
        """
        known: dict[int, np.ndarray] = {}
        result = {}
        for label, candidate in served:
            model = candidate.models_of(self.ensemble).get(label, self.ensemble.pooled_estimator_)
            if id(model) not in known:
                known[id(model)] = ask(model, self.sample.X)
            result[label] = known[id(model)]
        return result
