"""What the pooled classifier and the candidates answer to the selection rows, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..metrics._estimators import MAX_ENVY_GROUPS
from ._answers import Candidate, Part
from ._scores import Comparison, PairedAnswers, Score, nothing_to_compare

#: What the candidate of a routed ensemble is called.
OWN = "own"


def candidates_of(ensemble: Any, labels: list[Any], reassign: bool) -> list[Candidate]:
    """Candidates of an ensemble: those of a list by their names; else each group's own classifier, and with `reassign` those of other groups.

    Raises
    ------
    ValueError
        If `reassign` is asked for with very many groups.
    """
    if hasattr(ensemble, "candidates_"):
        return [Candidate(name, _OfList(name)) for name in ensemble.candidates_]
    own = Candidate(OWN, _own_models)
    if not reassign or not labels:
        return [own]
    if len(labels) > MAX_ENVY_GROUPS:
        raise ValueError(
            f"reassign=True asks every classifier about every row: at most {MAX_ENVY_GROUPS} groups are allowed; "
            f"there are {len(labels)}."
        )
    return [own, *(Candidate(label, _OfOtherGroup(label)) for label in labels)]


def _own_models(ensemble: Any) -> dict[Any, Any]:
    models: dict[Any, Any] = ensemble.group_estimators_
    return models


@dataclass(frozen=True)
class _OfList:
    name: str

    def __call__(self, ensemble: Any) -> dict[Any, Any]:
        models: dict[Any, Any] = ensemble.candidates_[self.name]
        return models


@dataclass(frozen=True)
class _OfOtherGroup:
    """The classifier of one group, for the groups that do not have it as their own."""

    label: Any

    def __call__(self, ensemble: Any) -> dict[Any, Any]:
        model = ensemble.group_estimators_.get(self.label, ensemble.pooled_estimator_)
        return {label: model for label, other in ensemble.group_estimators_.items() if other is not model}


@dataclass(frozen=True)
class Evidence:
    """All selection rows and what the pooled classifier and the candidates answer.

    Attributes
    ----------
    repeats : list of list of Part
        Of each repeat of cross-fitting the parts that together have every row once; else one.
    candidates : list of Candidate, length C
    has : ndarray of bool, shape (A, C)
        Which groups have which candidate, in every part.
    labels : list
        Labels of the A groups.
    score : Score
    classes : ndarray
    y : ndarray, shape (n,)
    pooled : ndarray, shape (R, n)
    answers : list of ndarray, length C, shape (R, n)
        Of each candidate; of groups that do not have it the pooled answers.
    codes : ndarray of int, shape (n,)
        Group of each row, -1 for none.
    weights : ndarray, shape (n,), or None
    units : ndarray of int, shape (n,), or None
        Whose rows belong together.
    """

    repeats: list[list[Part]]
    candidates: list[Candidate]
    has: np.ndarray
    labels: list[Any]
    score: Score
    classes: np.ndarray | None
    y: np.ndarray
    pooled: np.ndarray
    answers: list[np.ndarray]
    codes: np.ndarray
    weights: np.ndarray | None
    units: np.ndarray | None

    @classmethod
    def collect(
        cls,
        repeats: list[list[Part]],
        ensemble: Any,
        candidates: list[Candidate],
        score: Score,
        classes: np.ndarray | None,
    ) -> Evidence:
        """Ask the classifiers, each about its own groups alone; `ensemble` is the one that is used afterwards."""
        ask = partial(score.ask, classes=classes)
        labels = repeats[0][0].labels
        # What a group would get is judged by classifiers like it: where a part has none, the pooled answers there are no evidence for it.
        fitted = {id(part.ensemble): part.ensemble for parts in repeats for part in parts}.values()
        has = np.logical_and.reduce([_served(each, candidates, labels) for each in (ensemble, *fitted)])
        pooled_of = [[part.pooled_answers(ask) for part in parts] for parts in repeats]
        answers = [
            _stack(
                [
                    [
                        part.answers(candidate, has[:, c], pooled, ask)
                        for part, pooled in zip(parts, of_parts, strict=True)
                    ]
                    for parts, of_parts in zip(repeats, pooled_of, strict=True)
                ],
                repeats,
            )
            for c, candidate in enumerate(candidates)
        ]
        first = repeats[0]
        order = _order(first)
        weights = [part.sample.weights for part in first if part.sample.weights is not None]
        units = [part.sample.units for part in first if part.sample.units is not None]
        return cls(
            repeats=repeats,
            candidates=candidates,
            has=has,
            labels=labels,
            score=score,
            classes=classes,
            y=score.encode(np.concatenate([part.sample.y for part in first])[order], classes),
            pooled=_stack(pooled_of, repeats),
            answers=answers,
            codes=np.concatenate([part.codes for part in first])[order],
            weights=np.concatenate(weights)[order] if weights else None,
            units=np.concatenate(units)[order] if units else None,
        )

    def sizes(self) -> np.ndarray:
        """People, or their weights, of each group."""
        inside = self.codes >= 0
        weights = None if self.weights is None else self.weights[inside]
        return np.bincount(self.codes[inside], weights, len(self.labels)).astype(float)

    @cached_property
    def claims(self) -> np.ndarray:
        """Number of the claim about each group (rows) and candidate, -1 where a group does not have it; shape (A, C)."""
        numbers = np.full(self.has.shape, -1)
        numbers[self.has] = np.arange(self.has.sum())
        return numbers

    def compare(self) -> Comparison:
        """Compare every group's candidates with the pooled classifier, group by group."""
        # Rows of no group are at the end of the list of groups, which has no claim.
        claims = [np.append(of_candidate, -1)[self.codes] for of_candidate in self.claims.T]
        return self._compare(claims, self.answers, np.nonzero(self.has)[0])

    def compare_candidate(self, c: int) -> Comparison:
        """Compare one candidate with the pooled classifier, one claim for each group that has it."""
        numbers = np.full(len(self.labels) + 1, -1)
        numbers[:-1][self.has[:, c]] = np.arange(self.has[:, c].sum())
        return self._compare([numbers[self.codes]], [self.answers[c]], np.flatnonzero(self.has[:, c]))

    def compare_overall(self) -> Comparison:
        """Compare every candidate with the pooled classifier, one claim for each about everybody."""
        n, everybody = len(self.candidates), np.zeros(len(self.y), dtype=int)
        return self._compare([everybody + c for c in range(n)], self.answers, np.zeros(n, dtype=int))

    def pooled_scores(self) -> Comparison:
        """Score of every group with the pooled classifier."""
        return self._compare([self.codes], [self.pooled], np.arange(len(self.labels)))

    def compare_answers(self, own: np.ndarray, pooled: np.ndarray) -> Comparison:
        """Compare other answers, of shape (n,) each, group by group."""
        return self._compare([self.codes], [own[None]], np.arange(len(self.labels)), pooled[None])

    def _compare(
        self,
        claims: Sequence[np.ndarray],
        answers: Sequence[np.ndarray],
        groups: np.ndarray,
        pooled: np.ndarray | None = None,
    ) -> Comparison:
        rows = [np.flatnonzero(of_row >= 0) for of_row in claims]
        if not sum(map(len, rows)):
            return nothing_to_compare(len(groups))
        every = np.concatenate(rows)
        against = self.pooled if pooled is None else pooled
        weights, units = (None if part is None else part[every] for part in (self.weights, self.units))
        sample = PairedAnswers(
            y=self.y[every],
            answers=np.concatenate(
                [of_candidate[:, mine] for of_candidate, mine in zip(answers, rows, strict=True)], axis=1
            ),
            pooled=against[:, every],
            claims=np.concatenate([of_row[mine] for of_row, mine in zip(claims, rows, strict=True)]),
            weights=weights,
            groups=groups,
            units=units,
        )
        return self.score.compare(sample)

    def ask(self, model: Any, X: Any) -> np.ndarray:
        """Ask a classifier for what the score compares."""
        return self.score.ask(model, X, self.classes)

    def answers_of(self, served: Sequence[tuple[Any, Candidate]]) -> dict[Any, np.ndarray]:
        """Ask the candidates that serve some groups about everybody, in the first repeat."""
        ask = partial(self.score.ask, classes=self.classes)
        first = self.repeats[0]
        order = _order(first)
        asked = [part.answers_of(served, ask) for part in first]
        return {label: np.concatenate([answers[label] for answers in asked])[order] for label, _ in served}


def _served(ensemble: Any, candidates: list[Candidate], labels: list[Any]) -> np.ndarray:
    """Which groups have which candidate in a fitted ensemble, shape (A, C)."""
    pooled = ensemble.pooled_estimator_
    of_candidates = [candidate.models_of(ensemble) for candidate in candidates]
    has = [[models.get(label, pooled) is not pooled for models in of_candidates] for label in labels]
    return np.array(has, dtype=bool).reshape(len(labels), len(candidates))


def _order(parts: list[Part]) -> np.ndarray:
    """Order of rows by their positions in what was given to `fit`."""
    return np.argsort(np.concatenate([part.rows for part in parts]), kind="stable")


def _stack(of_repeats: list[list[np.ndarray]], repeats: list[list[Part]]) -> np.ndarray:
    """Put answers of parts together, in the same order of rows for every repeat, shape (R, n)."""
    return np.stack(
        [np.concatenate(of_parts)[_order(parts)] for of_parts, parts in zip(of_repeats, repeats, strict=True)]
    )
