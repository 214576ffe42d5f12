"""Which candidate each group gets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..metrics import PreferenceFrame
from ..metrics._core._groups import POOLED, Groups, flat_index
from ..metrics._core._label_sets import all_labels
from ..metrics._estimators import MAX_ENVY_GROUPS
from ._answers import Candidate, Part
from ._decisions import FIGURES, decide_by_group, decide_release
from ._evidence import Evidence, candidates_of
from ._guarantees import RELEASE, SHRUNK, Guarantee
from ._scores import Score
from ._strategies import choose


@dataclass(frozen=True)
class Selection:
    """Which classifier each group gets.

    Attributes
    ----------
    evidence : Evidence
    ensemble : fitted routed ensemble
    chosen : ndarray of int, shape (A,)
        Position of the candidate that each group gets, -1 for the pooled classifier.
    decided : DataFrame
        One row per claim, see `_decisions.Decision`.
    table : DataFrame
        See `NoHarmSelector.selection_table_`.
    n_refused : int
        Groups that could have another classifier, but get the pooled one by the strategy.
    strategy : str
    refitted : classifier or None
        The pooled classifier, fitted on all rows, if it is not that of the ensemble.
    """

    evidence: Evidence
    ensemble: Any
    chosen: np.ndarray
    decided: pd.DataFrame
    table: pd.DataFrame
    n_refused: int
    strategy: str
    refitted: Any = None

    def pooled_estimator(self) -> Any:
        """The pooled classifier that serves people."""
        return self.ensemble.pooled_estimator_ if self.refitted is None else self.refitted

    def shown_table(self, guarantee: str) -> pd.DataFrame:
        """The table as users see it: with the figures of the guarantee."""
        shown = {RELEASE: ("p_adjusted", "p_harm"), SHRUNK: ("shrunk_gain", "p_loss")}.get(
            guarantee, ("lower_bound", "p_adjusted")
        )
        hidden = [name for name in FIGURES if name not in shown]
        unprotected = [] if guarantee in (RELEASE, SHRUNK) else ["protected"]
        return self.table.drop(columns=[*hidden, *unprotected, "claim"])

    @property
    def labels(self) -> list[Any]:
        """Labels of the groups."""
        return self.evidence.labels

    def keeps_any(self) -> bool:
        """Whether any group keeps another classifier than the pooled one."""
        return bool((self.chosen >= 0).any())

    def _served(self) -> list[tuple[Any, Candidate]]:
        """Groups that get a candidate, and which."""
        candidates = self.evidence.candidates
        return [(label, candidates[c]) for label, c in zip(self.labels, self.chosen, strict=True) if c >= 0]

    def group_estimators(self) -> dict[Any, Any]:
        """Classifier of each group."""
        models = dict.fromkeys(self.labels, self.pooled_estimator())
        return models | {
            label: candidate.models_of(self.ensemble)[label] for label, candidate in self._served()
        }

    def fallback_groups(self) -> dict[Any, str]:
        """Groups that get the pooled classifier, and why."""
        reasons = self._reason_of_group()
        return {label: reasons[label] for label, c in zip(self.labels, self.chosen, strict=True) if c < 0}

    def _reason_of_group(self) -> dict[Any, str]:
        first = ~self.table["group"].duplicated().to_numpy()
        return dict(zip(self.labels, self.table["reason"][first], strict=True))

    def unjudged(self) -> dict[Any, str]:
        """Groups of which no candidate could be compared with the pooled classifier, and why."""
        claims, gain = self.evidence.claims, self.decided["gain"].to_numpy()
        unknown = {}
        for g, label in enumerate(self.labels):
            mine = claims[g][claims[g] >= 0]
            if len(mine) and np.isnan(gain[mine]).all():
                unknown[label] = self.decided["reason"].iloc[mine[0]]
        return unknown

    def not_protected(self) -> list[Any]:
        """Groups that get a candidate though a harm of five points would not have been seen with enough power."""
        claims, protected = self.evidence.claims, self.decided["protected"].to_numpy(bool)
        return [
            label
            for g, label in enumerate(self.labels)
            if self.chosen[g] >= 0 and not protected[claims[g, self.chosen[g]]]
        ]

    def preference_frame(self) -> PreferenceFrame:
        """Compare what the groups get with what they could have had, in the selection data."""
        e = self.evidence
        pooled = e.pooled[0]
        y_pred: np.ndarray | None = pooled
        by_group = None
        if 0 < len(self.labels) <= MAX_ENVY_GROUPS:
            answers = e.answers_of(self._served())
            by_group = pd.DataFrame({g: answers.get(label, pooled) for g, label in enumerate(self.labels)})
            by_group.columns = flat_index(self.labels)
            y_pred = None
        elif (self.chosen >= 0).any():
            y_pred = self._served_answers()
        codes = np.where(e.codes < 0, len(self.labels), e.codes)
        columns = [] if by_group is None else [by_group.iloc[:, i] for i in range(by_group.shape[1])]
        compares_labels = e.score.loss.predicts == "labels"
        return PreferenceFrame(
            y_true=e.y,
            y_pred=y_pred,
            y_pred_pooled=pooled,
            y_pred_by_group=by_group,
            groups=Groups(codes, [*self.labels, POOLED], ["group"]) if self.labels else None,
            loss=e.score.loss,
            sample_weight=e.weights,
            units=e.units,
            pooled_groups=[label for label, c in zip(self.labels, self.chosen, strict=True) if c < 0],
            labels=all_labels(e.y, pooled, *(a[0] for a in e.answers), *columns) if compares_labels else None,
        )

    def _served_answers(self) -> np.ndarray:
        e = self.evidence
        served = np.append(self.chosen, -1)[e.codes]
        answers = np.stack([e.pooled[0], *(of_candidate[0] for of_candidate in e.answers)])
        return np.asarray(answers[served + 1, np.arange(len(served))])

    def with_gains(self) -> Selection:
        """Say that the pooled classifier has as many rows as the candidates: gains over it are those that were judged."""
        return replace(self, table=self.table.assign(gain_over_refitted=self.table["gain"]))

    def with_gains_over(self, refitted: np.ndarray) -> Selection:
        """Show gains over a pooled classifier that was fitted on more rows, from its cross-fitted answers, shape (n,)."""
        e = self.evidence
        claims, gains = e.claims, np.full(len(self.decided), np.nan)
        for c, answers in enumerate(e.answers):
            mine = e.has[:, c]
            table = e.compare_answers(answers[0], refitted).table
            gains[claims[mine, c]] = table["gain"].to_numpy()[mine]
        return replace(
            self, table=self.table.assign(gain_over_refitted=_at(gains, self.table["claim"].to_numpy()))
        )


def _at(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Values at some positions; NaN at -1."""
    return np.append(values, np.nan)[positions]


def select(
    repeats: list[list[Part]],
    ensemble: Any,
    score: Score,
    classes: np.ndarray | None,
    guarantee: Guarantee,
    strategy: str,
    reassign: bool,
) -> Selection:
    """Choose a classifier for every group.

    Parameters
    ----------
    repeats : list of list of Part
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
    labels = repeats[0][0].labels
    candidates = candidates_of(ensemble, labels, reassign)
    evidence = Evidence.collect(repeats, ensemble, candidates, score, classes)
    a, c = evidence.has.shape
    pooled = evidence.pooled_scores().table if a else pd.DataFrame({"n": [], "pooled_score": []})
    decided = _decide(evidence, guarantee)
    scores, allowed = np.full((a, 1 + c), np.nan), np.zeros((a, 1 + c), dtype=bool)
    scores[:, 0] = pooled["pooled_score"]
    has, claims = evidence.has, evidence.claims
    # Shrunk gains rank candidates, where there are any: the best of several raw gains flatters itself.
    ranked = np.where(
        decided["shrunk_gain"].notna(), decided["pooled_score"] + decided["shrunk_gain"], decided["score"]
    )
    scores[:, 1:][has] = ranked[claims[has]]
    allowed[:, 1:][has] = decided["keep"].to_numpy(bool)[claims[has]]
    known = ~np.isnan(scores[:, 0])
    column = np.zeros(a, dtype=int)
    if guarantee.kind == RELEASE:
        column[known] = _released(evidence, allowed[known], strategy)
    elif known.any():
        column[known] = choose(scores[known], allowed[known], evidence.sizes()[known], strategy)
    chosen = column - 1
    table = _table(evidence, ensemble, pooled, decided, column, strategy)
    n_refused = int((allowed.any(axis=1) & (column == 0)).sum())
    return Selection(evidence, ensemble, chosen, decided, table, n_refused, strategy)


def _decide(evidence: Evidence, guarantee: Guarantee) -> pd.DataFrame:
    """Decide on every claim; for a release and for partial pooling candidate by candidate."""
    if guarantee.kind not in (RELEASE, SHRUNK):
        return decide_by_group(evidence.compare(), guarantee).table
    overall = evidence.compare_overall() if guarantee.kind == RELEASE else None
    parts = []
    for c in range(len(evidence.candidates)):
        compared = evidence.compare_candidate(c)
        decision = (
            decide_by_group(compared, guarantee)
            if overall is None
            else decide_release(compared, overall, c, guarantee)
        )
        parts.append(decision.table.set_index(evidence.claims[evidence.has[:, c], c]))
    return pd.concat(parts).sort_index()


def _released(evidence: Evidence, allowed: np.ndarray, strategy: str) -> np.ndarray:
    """One candidate for everybody: that which is best overall, or the first of the list; 0 where it cannot be released or a group does not have it."""
    releasable = np.flatnonzero(allowed[:, 1:].any(axis=0))
    if not len(releasable):
        return np.zeros(len(allowed), dtype=int)
    gains = evidence.compare_overall().table["gain"].to_numpy()[releasable]
    best = releasable[0] if strategy == "in_order" else releasable[int(np.argmax(gains))]
    return np.where(allowed[:, 1 + best], 1 + best, 0)


def _table(
    evidence: Evidence,
    ensemble: Any,
    pooled: pd.DataFrame,
    decided: pd.DataFrame,
    column: np.ndarray,
    strategy: str,
) -> pd.DataFrame:
    """Make the selection table: a row for every pair of a group and a listed candidate; else one for every group, about the judged one."""
    a, c = evidence.has.shape
    claims, everyone = evidence.claims, np.arange(a)
    names = [candidate.name for candidate in evidence.candidates]
    is_list = hasattr(ensemble, "candidates_")
    if is_list:
        group, judged = np.repeat(everyone, c), claims.ravel()
    else:
        group = everyone
        judged = np.where(column > 0, claims[everyone, np.maximum(column - 1, 0)], claims[:, 0] if c else -1)
    figures = {name: _at(decided[name].to_numpy(dtype=float), judged) for name in ("gain", *FIGURES)}
    own = judged if is_list else (claims[:, 0] if c else judged)
    own_score = _at(decided["score"].to_numpy(dtype=float), own)
    pooled_score = pooled["pooled_score"].to_numpy(dtype=float)
    of_chosen = np.where(column > 0, claims[everyone, np.maximum(column - 1, 0)], -1)
    chosen_score = np.where(column > 0, _at(decided["score"].to_numpy(dtype=float), of_chosen), pooled_score)
    fallback = [
        ensemble.fallback_groups_.get(
            label, "its classifier is the pooled one, or there was none in a part of cross-fitting"
        )
        for label in evidence.labels
    ]
    reasons = []
    for g, claim in zip(group, judged, strict=True):
        if claim < 0:
            reasons.append(fallback[g])
            continue
        row = decided.iloc[claim]
        refused = row["keep"] and column[g] == 0
        reasons.append(row["reason"] + (f"; strategy={strategy!r} prefers pooled" if refused else ""))
    labels = evidence.labels
    choice = [POOLED if code == 0 else names[code - 1] for code in column]
    listed = {"candidate": [names[i] for i in np.tile(np.arange(c), a)]} if is_list else {}
    protected = np.append(decided["protected"].to_numpy(bool), True)[judged]
    return pd.DataFrame(
        {
            "group": flat_index([labels[g] for g in group]),
            **listed,
            "n": pooled["n"].to_numpy(dtype=int)[group],
            "pooled_score": pooled_score[group],
            "own_score": own_score,
            "chosen_score": chosen_score[group],
            **figures,
            "choice": pd.Series([choice[g] for g in group], dtype=object),
            "protected": protected,
            "reason": reasons,
            "claim": judged,
        }
    )
