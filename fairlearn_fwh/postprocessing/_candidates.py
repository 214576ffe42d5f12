"""From what classifiers answer to which of them each group gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..metrics import PreferenceFrame
from ..metrics._core._groups import POOLED, Groups, flat_index
from ..metrics._core._label_sets import all_labels
from ..metrics._core._names import group_name
from ..metrics._core._units import plain_gain
from ..metrics._estimators import MAX_ENVY_GROUPS
from ._answers import Part
from ._scores import CERTIFIED, EMPIRICAL, Guarantee, PairedAnswers, Score, nothing_to_compare
from ._strategies import choose

OWN = "own"

#: Groups that a sentence names.
_MAX_NAMED = 10


@dataclass(frozen=True)
class Evidence:
    """All selection rows and what the pooled and the own classifiers answer.

    Attributes
    ----------
    parts : list of Part
    labels : list
        Labels of the A groups.
    score : Score
    classes : ndarray
    y, pooled, own : ndarray, shape (n,)
    codes : ndarray of int, shape (n,)
        Group of each row, -1 for none.
    weights : ndarray, shape (n,), or None
    units : ndarray of int, shape (n,), or None
        Whose rows belong together.
    """

    parts: list[Part]
    labels: list[Any]
    score: Score
    classes: np.ndarray
    y: np.ndarray
    pooled: np.ndarray
    own: np.ndarray
    codes: np.ndarray
    weights: np.ndarray | None
    units: np.ndarray | None

    @classmethod
    def collect(cls, parts: list[Part], score: Score, classes: np.ndarray) -> Evidence:
        """Ask the classifiers, each about its own group alone."""
        ask = partial(score.ask, classes=classes)
        pooled = [part.pooled_answers(ask) for part in parts]
        own = [part.own_answers(answers, ask) for part, answers in zip(parts, pooled, strict=True)]
        weights = [part.sample.weights for part in parts if part.sample.weights is not None]
        units = [part.sample.units for part in parts if part.sample.units is not None]
        return cls(
            parts=parts,
            labels=parts[0].labels,
            score=score,
            classes=classes,
            y=score.encode(np.concatenate([part.sample.y for part in parts]), classes),
            pooled=np.concatenate(pooled),
            own=np.concatenate(own),
            codes=np.concatenate([part.codes for part in parts]),
            weights=np.concatenate(weights) if weights else None,
            units=np.concatenate(units) if units else None,
        )

    def sizes(self) -> np.ndarray:
        """People, or their weights, of each group."""
        inside = self.codes >= 0
        weights = None if self.weights is None else self.weights[inside]
        return np.bincount(self.codes[inside], weights, len(self.labels)).astype(float)

    def answers_of(self, labels: Sequence[Any]) -> dict[Any, np.ndarray]:
        """Ask the classifiers of some groups about everybody."""
        ask = partial(self.score.ask, classes=self.classes)
        asked = [part.answers_of(labels, ask) for part in self.parts]
        return {label: np.concatenate([answers[label] for answers in asked]) for label in labels}

    def compare(self, candidates: np.ndarray, guarantee: Guarantee) -> pd.DataFrame:
        """Compare candidates with the pooled classifier, one row per entry of `candidates` that is not -1, row by row."""
        claims = np.full(candidates.shape, -1)
        claims[candidates >= 0] = np.arange((candidates >= 0).sum())
        pieces = [self._claims_about_own(claims)]
        pieces += [
            self._claims_about(label, candidates, claims)
            for label in np.unique(candidates[:, 1:])
            if label >= 0
        ]
        answers, rows, claim_of_row = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
        return self._compare(answers, rows, claim_of_row, np.nonzero(candidates >= 0)[0], guarantee)

    def pooled_scores(self) -> pd.DataFrame:
        """Score of every group with the pooled classifier."""
        rows = np.flatnonzero(self.codes >= 0)
        nothing = Guarantee(EMPIRICAL, 0.0, 0.5)
        table = self._compare(self.pooled[rows], rows, self.codes[rows], np.arange(len(self.labels)), nothing)
        return table[["n", "pooled_score"]]

    def _claims_about_own(self, claims: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        claim = np.where(self.codes >= 0, claims[:, 0][self.codes], -1)
        rows = np.flatnonzero(claim >= 0)
        return self.own[rows], rows, claim[rows]

    def _claims_about(
        self, label: int, candidates: np.ndarray, claims: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Claims that the classifier of one group serves others."""
        of_group = np.where(candidates[:, 1:] == label, claims[:, 1:], -1).max(axis=1)
        claim = np.where(self.codes >= 0, of_group[self.codes], -1)
        rows = np.flatnonzero(claim >= 0)
        name = self.labels[label]
        return self.answers_of([name])[name][rows], rows, claim[rows]

    def _compare(
        self,
        answers: np.ndarray,
        rows: np.ndarray,
        claims: np.ndarray,
        groups: np.ndarray,
        guarantee: Guarantee,
    ) -> pd.DataFrame:
        if not len(rows):
            return nothing_to_compare(len(groups))
        weights, units = (None if part is None else part[rows] for part in (self.weights, self.units))
        sample = PairedAnswers(self.y[rows], answers, self.pooled[rows], claims, weights, groups, units)
        return self.score.compare(sample, guarantee)


@dataclass(frozen=True)
class Selection:
    """Which classifier each group gets.

    Attributes
    ----------
    evidence : Evidence
    ensemble : fitted routed ensemble
    chosen : ndarray of int, shape (A,)
        Position of the group whose classifier it is, -1 for the pooled classifier.
    table : DataFrame
        See `NoHarmSelector.selection_table_`.
    n_refused : int
        Groups that could have another classifier, but get the pooled one by the strategy.
    strategy : str
    """

    evidence: Evidence
    ensemble: Any
    chosen: np.ndarray
    table: pd.DataFrame
    n_refused: int
    strategy: str

    @property
    def labels(self) -> list[Any]:
        """Labels of the groups."""
        return self.evidence.labels

    def keeps_any(self) -> bool:
        """Whether any group keeps another classifier than the pooled one."""
        return bool((self.chosen >= 0).any())

    def group_estimators(self) -> dict[Any, Any]:
        """Classifier of each group."""
        models = self.ensemble.group_estimators_
        return {
            label: self.ensemble.pooled_estimator_ if code < 0 else models[self.labels[code]]
            for label, code in zip(self.labels, self.chosen, strict=True)
        }

    def fallback_groups(self) -> dict[Any, str]:
        """Groups that get the pooled classifier, and why."""
        rows = zip(self.labels, self.chosen, self.table["reason"], strict=True)
        return {label: reason for label, code, reason in rows if code < 0}

    def unjudged(self) -> dict[Any, str]:
        """Groups whose classifiers could not be compared with the pooled one, and why."""
        models = [self.ensemble.group_estimators_[label] for label in self.labels]
        has_own = np.array([model is not self.ensemble.pooled_estimator_ for model in models], dtype=bool)
        missing = self.table["gain"].isna().to_numpy() & has_own
        return {self.labels[i]: self.table["reason"].iloc[i] for i in np.flatnonzero(missing)}

    def preference_frame(self) -> PreferenceFrame:
        """Compare what the groups get with what they could have had, in the selection data."""
        e = self.evidence
        served = dict(enumerate(self.chosen))
        y_pred: np.ndarray | None = e.pooled
        by_group = None
        if 0 < len(self.labels) <= MAX_ENVY_GROUPS:
            kept = {code: self.labels[code] for code in set(served.values()) if code >= 0}
            answers = e.answers_of(list(kept.values()))
            columns = {g: e.pooled if code < 0 else answers[kept[code]] for g, code in served.items()}
            by_group = pd.DataFrame(columns)
            by_group.columns = flat_index(self.labels)
            y_pred = None
        elif (self.chosen == np.arange(len(self.chosen))).any():
            own = (e.codes >= 0) & (self.chosen >= 0)[e.codes]
            y_pred = np.where(own, e.own, e.pooled)
        codes = np.where(e.codes < 0, len(self.labels), e.codes)
        return PreferenceFrame(
            y_true=e.y,
            y_pred=y_pred,
            y_pred_pooled=e.pooled,
            y_pred_by_group=by_group,
            groups=Groups(codes, [*self.labels, POOLED], ["group"]) if self.labels else None,
            loss=e.score.loss_of_frame,
            sample_weight=e.weights,
            units=e.units,
            pooled_groups=[label for label, code in zip(self.labels, self.chosen, strict=True) if code < 0],
            labels=all_labels(
                e.y,
                e.pooled,
                e.own,
                *([] if by_group is None else [by_group.iloc[:, i] for i in range(by_group.shape[1])]),
            )
            if e.score.loss.predicts == "labels"
            else None,
        )

    def in_words(self, guarantee: Guarantee, cross_fit: int | None, frame: PreferenceFrame) -> str:
        """Say what was chosen, how sure that is, and who envies whom."""
        n, kept = len(self.labels), [g for g in range(len(self.labels)) if self.chosen[g] >= 0]
        if not n:
            return "There are no groups: everybody is served by the pooled classifier."
        limit = f"at most {guarantee.tolerance:g} worse than" if guarantee.tolerance else "better than"
        average = f" on average over {cross_fit} fold models" if cross_fit else ""
        how_sure = (
            f"{100 * (1 - guarantee.alpha):g} % confidence, for all groups together"
            if guarantee.kind == CERTIFIED
            else "in the selection data, which proves nothing"
        )
        claim = f"{limit} with the pooled one{average} ({how_sure})"
        refused = f"strategy={self.strategy!r} prefers the pooled classifier"
        if not kept and self.n_refused:
            return f"{self.n_refused} of {n} groups do {claim} with another classifier, but {refused} for everybody."
        if not kept:
            return f"No group is shown to do {claim} with another classifier: everybody is served by the pooled classifier."
        names = ", ".join(group_name(self.labels[g]) for g in kept[:_MAX_NAMED])
        more = f" and {len(kept) - _MAX_NAMED} more" if len(kept) > _MAX_NAMED else ""
        rest = f"; the pooled classifier serves the other {n - len(kept)}" if n > len(kept) else ""
        rest += f" (for {self.n_refused} of them {refused})" if self.n_refused else ""
        return (
            f"{len(kept)} of {n} groups keep another classifier, with which they do {claim}: {names}{more}{rest}. "
            f"{_envy(frame, guarantee)}"
        )


def _envy(frame: PreferenceFrame, guarantee: Guarantee) -> str:
    if not frame.has_envy:
        return "Envy was not measured."
    if not frame.can_be_tested:
        return "Envy was not tested: the loss has no limits."
    found = frame.violations(alpha=guarantee.alpha, claims="envy")
    if not len(found):
        return "No significant envy was found in the selection data."
    pairs = "; ".join(
        f"{group_name(row.group)} would do better with that of {group_name(row.other)} ({plain_gain(row.gain)})"
        for row in found.sort_values("gain").head(_MAX_NAMED).itertuples()
    )
    return f"Significant envy in the selection data: {pairs}."


def select(
    parts: list[Part],
    ensemble: Any,
    score: Score,
    classes: np.ndarray,
    guarantee: Guarantee,
    strategy: str,
    reassign: bool,
) -> Selection:
    """Choose a classifier for every group.

    Parameters
    ----------
    parts : list of Part
    ensemble : fitted routed ensemble
        The one that is used afterwards.
    score : Score
    classes : ndarray
    guarantee : Guarantee
    strategy : str
    reassign : bool

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If `reassign` is asked for with very many groups.
    """
    evidence = Evidence.collect(parts, score, classes)
    candidates = _candidates(ensemble, evidence.labels, reassign)
    a, c = candidates.shape
    pooled = evidence.pooled_scores() if a else pd.DataFrame({"n": [], "pooled_score": []})
    compared = evidence.compare(candidates, guarantee) if (candidates >= 0).any() else None
    scores, allowed = np.full((a, 1 + c), np.nan), np.zeros((a, 1 + c), dtype=bool)
    scores[:, 0] = pooled["pooled_score"]
    claim = np.full((a, 1 + c), -1)
    claim[:, 1:][candidates >= 0] = np.arange((candidates >= 0).sum())
    if compared is not None:
        scores[claim >= 0] = compared["score"].to_numpy()[claim[claim >= 0]]
        allowed[claim >= 0] = compared["keep"].to_numpy()[claim[claim >= 0]]
    known = ~np.isnan(scores[:, 0])
    column = np.zeros(a, dtype=int)
    if known.any():
        column[known] = choose(scores[known], allowed[known], evidence.sizes()[known], strategy)
    everyone = np.arange(a)
    chosen = np.where(column > 0, candidates[everyone, np.maximum(column - 1, 0)], -1)
    judged = np.where(column > 0, claim[everyone, column], claim[:, 1] if c else -1)
    table = _table(
        labels=evidence.labels,
        pooled=pooled,
        compared=compared,
        scores=scores,
        judged=judged,
        column=column,
        chosen=chosen,
        strategy=strategy,
        ensemble=ensemble,
    )
    n_refused = int((allowed.any(axis=1) & (column == 0)).sum())
    return Selection(evidence, ensemble, chosen, table, n_refused, strategy)


def _candidates(ensemble: Any, labels: list[Any], reassign: bool) -> np.ndarray:
    """Positions of the groups whose classifiers each group may get, its own one first; -1 for none, shape (A, C)."""
    models = [ensemble.group_estimators_[label] for label in labels]
    has_own = np.array([model is not ensemble.pooled_estimator_ for model in models], dtype=bool)
    own = np.where(has_own, np.arange(len(labels)), -1)[:, None]
    if not reassign or not labels:
        return own
    if len(labels) > MAX_ENVY_GROUPS:
        raise ValueError(
            f"reassign=True asks every classifier about every row: at most {MAX_ENVY_GROUPS} groups are allowed; "
            f"there are {len(labels)}."
        )
    others = np.tile(np.where(has_own, np.arange(len(labels)), -1), (len(labels), 1))
    others[[[model is other for other in models] for model in models]] = -1
    return np.hstack([own, others])


def _table(
    labels: list[Any],
    pooled: pd.DataFrame,
    compared: pd.DataFrame | None,
    scores: np.ndarray,
    judged: np.ndarray,
    column: np.ndarray,
    chosen: np.ndarray,
    strategy: str,
    ensemble: Any,
) -> pd.DataFrame:
    """Make the selection table."""
    a = len(labels)
    has_claim = judged >= 0
    figures = pd.DataFrame(np.nan, index=range(a), columns=["gain", "lower_bound", "p_adjusted"])
    reasons = [ensemble.fallback_groups_.get(label, "its classifier is the pooled one") for label in labels]
    if compared is not None:
        figures.loc[has_claim] = compared[figures.columns].to_numpy()[judged[has_claim]]
        for g in np.flatnonzero(has_claim):
            row = compared.iloc[judged[g]]
            refused = row["keep"] and column[g] == 0
            reasons[g] = row["reason"] + (f"; strategy={strategy!r} prefers pooled" if refused else "")
    choice = [POOLED if code < 0 else OWN if code == g else labels[code] for g, code in enumerate(chosen)]
    return pd.DataFrame(
        {
            "group": flat_index(labels),
            "n": pooled["n"].to_numpy(dtype=int),
            "pooled_score": scores[:, 0],
            "own_score": scores[:, 1] if scores.shape[1] > 1 else np.nan,
            "chosen_score": scores[np.arange(a), column],
            **{name: figures[name].to_numpy() for name in figures},
            "choice": choice,
            "reason": reasons,
        }
    )
