"""One comparison that is looked at again and again: the people so far, and what was known at each look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ._core._groupings import people_of, regroup
from ._core._measurement import Measurement
from ._core._plain import from_plain, label_from_plain, label_to_plain, to_plain
from ._core._same_people import check_other_people, fingerprint
from ._core._spellings import check_spellings
from ._inference._claims import make_claims, rationality_claims
from ._inference._looks import Boundaries, Look, look_anytime, look_as_planned

#: Share of alpha that is kept for groups that appear after the first look.
_KEPT = 0.1


@dataclass(frozen=True)
class Plan:
    """How a comparison is judged.

    Attributes
    ----------
    alpha : float
        Error probability for all groups and looks together.
    tolerance, margin : float
    n_looks : int or None
        Planned looks; None for any number.
    groups : list or None
        All groups that there will be, if they are known.
    over : sequence or None
        Groupings that are judged together.
    """

    alpha: float
    tolerance: float
    margin: float
    n_looks: int | None
    groups: list[Any] | None
    over: Sequence[Any] | None

    def levels(self, groups: list[Any], n_first: int) -> np.ndarray:
        """Error probability of each group, in the order of their appearance, of which `n_first` were there at the first look."""
        if self.groups is not None and self.over is None:
            return np.full(len(groups), self.alpha / len(self.groups))
        later = np.arange(1, len(groups) - n_first + 1)
        first = np.full(n_first, (1 - _KEPT) / max(n_first, 1))
        return self.alpha * np.concatenate([first, _KEPT / (later * (later + 1))])


@dataclass(frozen=True)
class Course:
    """The people so far.

    Attributes
    ----------
    plan : Plan
    known : Measurement or None
        Of audit groups; None before the first look.
    groups : list
        Groups that are judged, in the order of their appearance.
    n_first : int
        How many of them were there at the first look.
    n_looks : int
        Looks so far.
    boundaries : tuple of Boundaries
        Of each group, if looks are planned.
    fingerprints : dict from str to str
        Labels of the looks so far, by what tells their people from others.
    """

    plan: Plan
    known: Measurement | None = None
    groups: tuple[Any, ...] = ()
    n_first: int = 0
    n_looks: int = 0
    boundaries: tuple[Boundaries, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def measured(self) -> Measurement:
        """Of the people so far.

        Raises
        ------
        ValueError
            If there is no look yet.
        """
        if self.known is None:
            raise ValueError("There is no look yet.")
        return self.known

    def look(self, new: Measurement, label: str) -> tuple[Course, list[dict[str, Any]]]:
        """Add people and look.

        Parameters
        ----------
        new : Measurement
            Of audit groups, of new people.
        label : str
            Name of the look.

        Returns
        -------
        course : Course
        said : list of dict
            What is said of each group.
        """
        if self.plan.n_looks is not None and self.n_looks >= self.plan.n_looks:
            raise ValueError(
                f"All {self.plan.n_looks} planned looks are over. Start another monitor, or plan with design='anytime'."
            )
        if self.known is not None and self.known.weighted != new.weighted:
            raise ValueError(
                "Either all looks have weights, or none: evidence with weights and evidence without do not add up."
            )
        if self.known is not None:
            if self.known.labels is not None and new.labels is not None:
                new.labels.check_same(self.known.labels, "this look", "the looks before")
            check_spellings(new.layout.audit, self.known.layout.audit, "this look", "the looks before")
        check_other_people(new, self.fingerprints, label)
        measured = new if self.known is None else self.known + new
        judged = measured if self.plan.over is None else regroup(measured, self.plan.over)
        if judged.labels is not None:
            judged.labels.check()
        judged.check_weights()
        groups = tuple(dict.fromkeys([*self.groups, *judged.layout.audit]))
        n_first = self.n_first or len(groups)
        alpha = self.plan.levels(list(groups), n_first)
        order = np.array([groups.index(label) for label in judged.layout.audit])
        look, boundaries = self._look(judged, alpha[order], order, len(groups))
        course = replace(
            self,
            known=measured,
            groups=groups,
            n_first=n_first,
            n_looks=self.n_looks + 1,
            boundaries=boundaries,
            fingerprints={**self.fingerprints, fingerprint(new): label},
        )
        added = new if self.plan.over is None else regroup(new, self.plan.over)
        return course, _said(judged, added, look)

    def _look(
        self, judged: Measurement, alpha: np.ndarray, order: np.ndarray, n_groups: int
    ) -> tuple[Look, tuple[Boundaries, ...]]:
        plan = self.plan
        claims = make_claims([rationality_claims(judged)], judged.loss, judged.weighted)
        d = claims.differences
        # Tests of means of real-valued losses with weights or units are not exact enough to be spent alpha on.
        if plan.n_looks is None or (d.worse is None and d.draws is None):
            return look_anytime(claims, alpha, plan.tolerance, plan.margin), ()
        boundaries = [*self.boundaries, *(Boundaries() for _ in range(n_groups - len(self.boundaries)))]
        shares = [(self.n_looks + more) / plan.n_looks for more in (1, 0)]
        look, after = look_as_planned(
            claims, alpha, plan.tolerance, plan.margin, [boundaries[i] for i in order], *shares
        )
        for i, new in zip(order, after, strict=True):
            boundaries[i] = new
        return look, tuple(boundaries)

    def to_plain(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "measured": to_plain(self.measured),
            "groups": [label_to_plain(label) for label in self.groups],
            "n_first": self.n_first,
            "n_looks": self.n_looks,
            "boundaries": [boundaries.to_plain() for boundaries in self.boundaries],
            "fingerprints": dict(self.fingerprints),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any], plan: Plan) -> Course:
        """Read what `to_plain` wrote."""
        groups = tuple(label_from_plain(label) for label in plain["groups"])
        boundaries = tuple(Boundaries.from_plain(part) for part in plain["boundaries"])
        return cls(
            plan,
            from_plain(plain["measured"]),
            groups,
            plain["n_first"],
            plain["n_looks"],
            boundaries,
            dict(plain["fingerprints"]),
        )


def _said(judged: Measurement, new: Measurement, look: Look) -> list[dict[str, Any]]:
    """What a look says of each group, in plain numbers."""
    n_new = dict(zip(new.layout.audit, new.levels.audit.n.tolist(), strict=True))
    sums, people = judged.levels.audit, people_of(judged)
    gains = np.nan_to_num(sums.gain()[:, 1])
    return [
        {
            "group": group,
            "n_new": int(n_new.get(group, 0)),
            "people": int(people[i]),
            "n": int(sums.n[i]),
            "gain": float(gains[i]),
            "lower": float(look.lower[i]),
            "upper": float(look.upper[i]),
            "harmed": bool(look.harmed[i]),
            "certified": bool(look.certified[i]),
            "information": float(look.information[i]),
            "level": None if np.isnan(look.level[i]) else float(look.level[i]),
        }
        for i, group in enumerate(judged.layout.audit)
    ]
