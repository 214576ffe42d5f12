"""Claims of no harm and of no envy about one sample, and what tests say of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .._core._figures import FIRST_GROUP, POOLED_COLUMN
from .._core._groups import POOLED, flat_index
from .._core._heaviest import heavy_of
from .._core._histograms import GainHistograms
from .._core._losses import Loss
from .._core._measurement import Measurement
from .._core._sums import GroupSums
from .._core._unit_sums import ClusteredSums
from ._betting import GainDraws
from ._checks import check_claims
from ._joint_law import JointLaw
from ._null_laws import laws_of_certificates, laws_of_harm
from ._rare_events import UNEVEN, of_uneven
from ._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values
from ._tests import (
    UNCONDITIONAL,
    UNITS,
    PairedDifferences,
    certificate_p_value,
    effective_counts,
    gain_lower_bound,
    harm_p_value,
    method_used,
)

#: What stands in place of a method where labels seem never to meet: nothing is certified there.
NEVER_RIGHT = "none: every answer of both classifiers is wrong"

#: What stands there where weights are so uneven that few people could reverse the result.
FEW_HEAVY = "none: few people have most of the weight"


@dataclass(frozen=True)
class Tests:
    """One test for each of m claims, each by itself.

    Attributes
    ----------
    p_values : ndarray, shape (m,)
    laws : NullLaws
        How they are distributed if the claims are just not, or just, true.
    """

    p_values: np.ndarray
    laws: NullLaws


@dataclass(frozen=True)
class Claims:
    """A family of claims "this group does at least as well with its own classifier as with another".

    Attributes
    ----------
    table : DataFrame
        Columns `group`, `kind`, `other`, `n`, `gain`, `identical`, `never_right` (labels were compared, and every answer of both
        classifiers was wrong), and `units` where rows belong together: one row per claim.
    differences : PairedDifferences
        What the sample says about each claim.
    people : SharedPeople
        Which claims are about the same people.
    joint : JointLaw or None
        What the people of overlapping groups have in common, if it is known.
    """

    table: pd.DataFrame
    differences: PairedDifferences
    people: SharedPeople
    joint: JointLaw | None = None

    def tested(self) -> np.ndarray:
        """Claims that need a test: somebody is in the group, and the two classifiers may differ."""
        return (self.table["n"].to_numpy() > 0) & ~self.table["identical"].to_numpy()

    def adjust(
        self, p_values: np.ndarray, correction: str | None, laws: NullLaws, weights: np.ndarray | None = None
    ) -> np.ndarray:
        """Adjust the p-values of the claims that are tested for their number; NaN for the others.

        Of overlapping groups with the joint law of what they have in common, drawn at random; never above the sum of their own laws.
        """
        tested = np.flatnonzero(self.tested())
        adjusted = np.full(len(p_values), np.nan)
        adjusted[tested] = adjust_p_values(
            p_values[tested],
            correction,
            laws=laws.of(tested),
            people=self.people.of(tested),
            weights=None if weights is None else weights[tested],
        )
        if self.joint is not None and correction == MIN_P and weights is None and len(tested):
            jointly = self.joint.of(tested).adjust(p_values[tested], by_counts=laws.are_counts)
            adjusted[tested] = np.minimum(adjusted[tested], jointly)
        return adjusted

    def certify(
        self,
        tolerance: float,
        alpha: float,
        method: str,
        correction: str | None,
        weights: np.ndarray | None = None,
    ) -> pd.DataFrame:
        """Test each claim for non-inferiority; see `PreferenceFrame.certify`."""
        tests = self.certificate_tests(tolerance, method)
        adjusted = self.adjust(tests.p_values, correction, tests.laws, weights)
        shares = shares_of_alpha(self.tested(), correction, weights)
        return self.certificates(tests.p_values, adjusted, tolerance, alpha, method, shares)

    def certificate_tests(self, tolerance: float, method: str) -> Tests:
        """Test each claim for non-inferiority by itself."""
        return Tests(
            certificate_p_value(self.differences, tolerance, method),
            laws_of_certificates(self.differences, tolerance, method),
        )

    def certificates(
        self,
        p_values: np.ndarray,
        adjusted: np.ndarray,
        tolerance: float,
        alpha: float,
        method: str,
        shares: np.ndarray,
    ) -> pd.DataFrame:
        """Say what is certified by adjusted p-values; bounds with each claim's share of alpha."""
        tested = self.tested()
        identical = self.table["identical"].to_numpy()
        hopeless = self.table["never_right"].to_numpy()
        few = self.differences.rests_on_few(tolerance)
        bounds = self._bounds(tolerance, alpha * shares, method, p_values)
        return self.table.assign(
            lower_bound=np.where(identical, 0.0, np.where(tested, np.where(few, -np.inf, bounds), np.nan)),
            p_value=np.where(tested, p_values, np.nan),
            p_adjusted=adjusted,
            certified=~hopeless & (identical | (np.nan_to_num(adjusted, nan=1.0) < alpha)),
            method=self._methods(hopeless, few, method, tolerance),
        )[
            [
                "group",
                "kind",
                "other",
                "n",
                "gain",
                "lower_bound",
                "p_value",
                "p_adjusted",
                "certified",
                "identical",
                "method",
                *self.table.columns.intersection(["units"]),
            ]
        ]

    def _bounds(self, tolerance: float, alpha: np.ndarray, method: str, p_values: np.ndarray) -> np.ndarray:
        """Lower bounds; where the test of few people or units disagrees about the tolerance it is right, and the bound lies there."""
        bounds = gain_lower_bound(self.differences, alpha, method)
        is_exact = np.isin(method_used(self.differences, method, tolerance), [UNCONDITIONAL, UNITS])
        agreed = np.where(p_values < alpha, np.fmax(bounds, -tolerance), np.fmin(bounds, -tolerance))
        return np.where(is_exact, agreed, bounds)

    def _methods(self, hopeless: np.ndarray, few: np.ndarray, method: str, tolerance: float) -> np.ndarray:
        """Name the test of each claim, or say why there is none."""
        used = np.where(few, FEW_HEAVY, method_used(self.differences, method, tolerance))
        return np.where(hopeless, NEVER_RIGHT, np.where(self.tested(), used, ""))

    def intervals(self, alpha: float) -> pd.DataFrame:
        """Two-sided 1 - alpha interval of each gain by itself; see `PreferenceFrame.gain_intervals`."""
        identical, empty = self.table["identical"].to_numpy(), self.table["n"].to_numpy() == 0
        lower = gain_lower_bound(self.differences, alpha / 2, "tango")
        upper = -gain_lower_bound(self.differences.mirrored(), alpha / 2, "tango")
        bounds = {"lower": lower, "upper": upper}
        bounds = {
            name: np.where(empty, np.nan, np.where(identical, 0.0, bound)) for name, bound in bounds.items()
        }
        return self.table[["group", "n", "gain"]].assign(**bounds)

    def test_harm(self, correction: str | None, margin: float = 0.0) -> pd.DataFrame:
        """Test each claim for a violation: columns `p_value` and `p_adjusted` beside those of `table`."""
        tests = self.harm_tests(margin)
        return self.contradictions(tests.p_values, self.adjust(tests.p_values, correction, tests.laws))

    def harm_tests(self, margin: float) -> Tests:
        """Test each claim for a violation by itself; NaN where there is none to test."""
        p_values = np.where(self.tested(), harm_p_value(self.differences, margin), np.nan)
        return Tests(p_values, laws_of_harm(self.differences, margin))

    def contradictions(self, p_values: np.ndarray, adjusted: np.ndarray) -> pd.DataFrame:
        """Say what contradicts each claim."""
        return self.table.drop(columns=["identical", "never_right"]).assign(
            p_value=p_values, p_adjusted=adjusted
        )

    def violations(self, alpha: float | None, correction: str | None, margin: float = 0.0) -> pd.DataFrame:
        """Return the claims that the sample contradicts; see `PreferenceFrame.violations`."""
        if alpha is None:
            return self.below(margin)
        return significant(self.test_harm(correction, margin), alpha, margin)

    def below(self, margin: float) -> pd.DataFrame:
        """Claims whose gain in the sample is below minus the margin."""
        table = self.table.drop(columns=["identical", "never_right"])
        return table[(table["gain"] < -margin).to_numpy()].reset_index(drop=True)


def significant(tests: pd.DataFrame, alpha: float, margin: Any) -> pd.DataFrame:
    """Claims of a table of tests that the sample contradicts.

    Parameters
    ----------
    tests : DataFrame
        Of `Claims.test_harm`.
    alpha : float
    margin : float, or ndarray with one for each claim
    """
    found = (tests["gain"] < -margin) & (tests["p_adjusted"].fillna(1.0) < alpha)
    return tests[found.to_numpy()].reset_index(drop=True)


def shares_of_alpha(tested: np.ndarray, correction: str | None, weights: np.ndarray | None) -> np.ndarray:
    """Share of alpha that the bound of each claim has; all of it without a correction."""
    if correction is None:
        return np.ones(len(tested))
    shares = np.ones(len(tested)) if weights is None else weights
    return np.where(tested, shares / max(shares[tested].sum(), np.finfo(float).tiny), 1.0)


@dataclass(frozen=True)
class ClaimKind:
    """Claims of one kind, of g groups that are compared with some classifiers each.

    Attributes
    ----------
    name : {"rationality", "envy"}
    sums : GroupSums
        Sums of the groups.
    groups : list, length g
        Labels of the groups.
    columns : ndarray of int
        Columns of `sums` that the groups are compared with.
    others : list
        Labels of these columns.
    made : ndarray of bool, shape (g, len(others))
        Which groups are compared with which.
    identical : ndarray of bool, shape (g, len(others))
        Which comparisons are between the same classifier by construction.
    histograms : GainHistograms or None
        Histograms of the groups' gains, if there are any.
    heaviest : ndarray, shape (g,), or None
        Largest weight of a row of each group, if there are weights.
    """

    name: str
    sums: GroupSums
    groups: list[Any]
    columns: np.ndarray
    others: list[Any]
    made: np.ndarray
    identical: np.ndarray
    histograms: GainHistograms | None = None
    heaviest: np.ndarray | None = None


def make_claims(kinds: list[ClaimKind], loss: Loss, weighted: bool) -> Claims:
    """Build a family of claims of one or several kinds.

    Groups of one kind have no people in common; those of another kind are other groupings of the same people.
    """
    tables, pieces, groups, parts = [], [], [], []
    for part, kind in enumerate(kinds):
        rows, picks = np.nonzero(kind.made)
        columns = kind.columns[picks]
        units = {"units": kind.sums.units.n[rows]} if isinstance(kind.sums, ClusteredSums) else {}
        tables.append(
            pd.DataFrame(
                {
                    "group": flat_index([kind.groups[i] for i in rows]),
                    "kind": kind.name,
                    "other": flat_index([kind.others[i] for i in picks]),
                    "n": kind.sums.n[rows],
                    "gain": kind.sums.gain()[rows, columns],
                    "identical": kind.identical[rows, picks],
                    "never_right": _never_right(kind.sums, rows, columns, loss),
                    **units,
                }
            )
        )
        pieces.append(
            paired_differences(kind.sums, rows, columns, loss, weighted, kind.histograms, kind.heaviest)
        )
        groups.append(rows)
        parts.append(np.full(len(rows), part))
    people = SharedPeople(np.concatenate(groups), np.concatenate(parts))
    return Claims(pd.concat(tables, ignore_index=True), _concatenate(pieces), people)


def claims_of(measured: Measurement, claims: str, *, strict: bool) -> Claims:
    """Claims about a measured sample; see `PreferenceFrame.certify`.

    Raises
    ------
    ValueError
        If labels never meet, one of several people has nearly all of the weight, `claims` is unknown, or envy is asked for (`strict`) and
        was not measured.
    """
    m = measured
    if m.labels is not None:
        m.labels.check()
    m.check_weights()
    rationality, envy = check_claims(claims, has_envy=m.layout.has_envy, strict=strict)
    kinds = [rationality_claims(m)] if rationality else []
    kinds += [envy_claims(m)] if envy else []
    made = make_claims(kinds, m.loss, not m.counts_alike)
    # A unit may have rows in several groups: then groups are not independent.
    return made if m.n_once is None and m.units is None else overlapping(made, m, has_envy=envy)


def _never_right(sums: GroupSums, rows: np.ndarray, columns: np.ndarray, loss: Loss) -> np.ndarray:
    """Claims in which both classifiers were wrong about everybody."""
    if not loss.counts_errors:
        return np.zeros(len(rows), dtype=bool)
    risk = sums.mean()
    return (sums.n[rows] > 0) & (risk[rows, 0] >= 1) & (risk[rows, columns] >= 1)


def join_claims(parts: list[Claims]) -> Claims:
    """Make one family of the same claims about several models, which share the people of each group."""
    people = SharedPeople.joined([part.people for part in parts])
    table = pd.concat([part.table for part in parts], ignore_index=True)
    return Claims(table, _concatenate([part.differences for part in parts]), people)


def of_people(claims: Claims, groups: Any) -> Claims:
    """Say which claims are about the same people, where it is not those about the same group: one label per claim.

    Raises
    ------
    ValueError
        If there is not one label per claim.
    """
    if len(groups) != len(claims.table):
        raise ValueError(
            f"people must have one label for each of {len(claims.table)} groups; got {len(groups)}."
        )
    codes, _ = pd.factorize(np.asarray(groups))
    return replace(claims, people=SharedPeople(codes, np.zeros(len(codes), dtype=int)))


def rationality_claims(measured: Measurement) -> ClaimKind:
    """Every audit group does at least as well as with the pooled classifier."""
    labels = measured.layout.audit
    made = np.ones((len(labels), 1), dtype=bool)
    identical = measured.audit_is_pooled[:, None]
    columns = np.array([POOLED_COLUMN])
    return ClaimKind(
        name="rationality",
        sums=measured.levels.audit,
        groups=labels,
        columns=columns,
        others=[POOLED],
        made=made,
        identical=identical,
        histograms=measured.audit_histograms,
        heaviest=measured.heaviest.of(labels),
    )


def overlapping(claims: Claims, measured: Measurement, *, has_envy: bool) -> Claims:
    """Say that claims are about overlapping groups; claims of envy have no law in common with them."""
    people = SharedPeople.everybody(len(claims.table))
    return replace(claims, people=people, joint=None if has_envy else joint_law(measured))


def joint_law(measured: Measurement) -> JointLaw | None:
    """What overlapping audit groups have in common; None where groups do not overlap, or where it is not known (bets, units)."""
    if measured.n_once is None or not measured.loss.is_binary or measured.units is not None:
        return None
    n, sums = measured.n_once, measured.sums
    members = np.zeros((len(measured.layout.audit), n), dtype=bool)
    members[measured.audit, np.arange(len(measured.audit)) % n] = True
    once = sums.take(np.arange(n))
    discordant = None
    if not measured.weighted:
        discordant = np.rint(once.apart[:, POOLED_COLUMN]).astype(int)
    # A sum that does not vary in the sample is given the variance that one person in a hundred would make.
    variance = once.gain_variance()[:, POOLED_COLUMN] * once.weight**2 + 0.01 * once.weight_squared
    return JointLaw(members, discordant, np.nan_to_num(variance))


def envy_claims(measured: Measurement) -> ClaimKind:
    """Every assigned group does at least as well as with any other group's classifier."""
    layout = measured.layout
    k = len(layout.groups)
    others = ~layout.is_own
    is_pooled = layout.assigned_is_pooled()
    identical = is_pooled[:, None] & is_pooled[:k]
    columns = FIRST_GROUP + np.arange(k)
    return ClaimKind(
        name="envy",
        sums=measured.levels.assigned,
        groups=layout.assigned_labels,
        columns=columns,
        others=layout.groups,
        made=others,
        identical=identical,
        histograms=measured.assigned_histograms,
        heaviest=np.full(len(layout.assigned_labels), measured.heaviest.most),
    )


def paired_differences(
    sums: GroupSums,
    rows: np.ndarray,
    columns: np.ndarray,
    loss: Loss,
    weighted: bool,
    histograms: GainHistograms | None = None,
    heaviest: np.ndarray | None = None,
) -> PairedDifferences:
    """Say what the sample knows of the gains of some groups (rows of `sums`) over some classifiers (columns)."""
    n = sums.n[rows].astype(float)
    gain, variance = sums.gain()[rows, columns], sums.gain_variance()[rows, columns]
    kish = sums.kish_size()[rows] if weighted else n
    units = sums.units.n[rows].astype(float) if isinstance(sums, ClusteredSums) else None
    if not loss.is_binary:
        size = np.minimum(n, kish) if units is None else np.minimum(units, kish)
        draws = None
        if histograms is not None and loss.span is not None:
            claims = [(histograms, int(g), int(c)) for g, c in zip(rows, columns, strict=True)]
            draws = GainDraws(claims, loss.span)
        return PairedDifferences(
            n=size,
            gain=gain,
            variance=variance,
            worse=None,
            better=None,
            weighted=weighted,
            upper=loss.span,
            draws=draws,
            units=units,
            heavy=None
            if draws is not None or loss.span is None
            else heavy_of(sums, rows, heaviest) / loss.span,
        )
    worse, better = (share[rows, columns] for share in sums.discordance())
    heavy = None
    uneven = np.where(n > UNEVEN * kish, kish, np.inf) if weighted else None
    if isinstance(sums, ClusteredSums) and units is not None:
        # Units of many rows are as heavy people: where few of them could reverse the result, counts of the others say nothing. They have to be twice as many,
        # because how alike the rows of a unit are is estimated as well.
        of_units = sums.weight[rows] ** 2 / np.maximum(sums.units.weight_squared[rows], np.finfo(float).tiny)
        uneven_units = np.where(units > UNEVEN * of_units, of_units / 2, np.inf)
        uneven = uneven_units if uneven is None else np.minimum(uneven, uneven_units)
        # Of people about whom nothing differs nobody knows how alike those of a unit are: then units are counted.
        kish = np.where(worse + better > 0, kish, np.minimum(units, kish))
        variance = variance * sums.correction()[rows]
    if weighted or units is not None:
        discordant = sums.discordant_size()[rows, columns]
        n, worse, better = effective_counts(worse, better, variance, kish, discordant)
        heavy = of_uneven(heavy_of(sums, rows, heaviest), sums.n[rows] if units is None else units)
    else:
        worse, better = np.rint(worse * n), np.rint(better * n)
    return PairedDifferences(
        n=n,
        gain=gain,
        variance=variance,
        worse=worse,
        better=better,
        weighted=weighted,
        upper=loss.span,
        uneven=uneven,
        units=units,
        heavy=heavy,
    )


def _concatenate(pieces: list[PairedDifferences]) -> PairedDifferences:
    def column(name: str) -> Any:
        parts = [getattr(piece, name) for piece in pieces]
        return None if parts[0] is None else np.concatenate(parts)

    names = ("n", "gain", "variance", "worse", "better", "uneven", "units", "heavy")
    first = pieces[0]
    draws = None
    if first.draws is not None:
        draws = replace(
            first.draws, claims=[c for p in pieces if p.draws is not None for c in p.draws.claims]
        )
    return PairedDifferences(
        **{name: column(name) for name in names}, weighted=first.weighted, upper=first.upper, draws=draws
    )
