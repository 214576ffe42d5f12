"""Two samples of different people: last month's and this month's, before a release and after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ._core._figures import OWN
from ._core._measurement import Measurement
from ._core._names import SMALLEST_SHOWN, group_name
from ._core._spellings import check_spellings
from ._core._units import Unit
from ._inference._checks import check_alpha, check_has_test, check_margin
from ._inference._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values
from ._inference._unpaired import TwoSamples, difference_bounds, higher_risk_p_value
from ._preference_frame import PreferenceFrame

#: Groups that a sentence names.
_MAX_NAMED = 10


@dataclass(frozen=True)
class SampleComparison:
    """What `compare_samples` returns.

    Attributes
    ----------
    table : DataFrame
        One row per audit group.
    verdict : str
        The same in one sentence.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import PreferenceFrame, compare_samples
    >>> old, new = (PreferenceFrame(y_true=[1] * 100, y_pred=y, y_pred_pooled=y) for y in ([1] * 100, [0, 1] * 50))
    >>> compare_samples(new, old).verdict
    'Higher risk on the new sample with 95 % confidence: all (+50.0 points, 100 people against 100).'
    """

    table: pd.DataFrame
    verdict: str


def compare_samples(
    new: PreferenceFrame,
    old: PreferenceFrame,
    *,
    alpha: float = 0.05,
    margin: float = 0.0,
    randomized: bool = False,
    min_group_size: int = SMALLEST_SHOWN,
) -> SampleComparison:
    """Compare the risks of the same groups in two samples of different people.

    That a group's risk is higher in the new sample can be the model's doing or that of another mix of cases; which of the two it is nothing in
    the samples tells, unless people were assigned to the models at random. Where both models were asked about the same people, make one
    frame of them: pairs tell much more.

    Parameters
    ----------
    new, old : PreferenceFrame
        Of different people, with the same loss and columns of audit groups. What people got (`y_pred`) is compared; the pooled predictions
        play no part.
    alpha : float
        One minus the confidence: of each interval, and of all groups together that are said to have a higher risk.
    margin : float
        Increase of risk that is not yet called higher, in units of the loss.
    randomized : bool
        Whether it was left to chance who was served by which model, so that a higher risk is harm by the model.
    min_group_size : int
        Groups with fewer people in either sample are counted in the verdict, not named.

    Returns
    -------
    SampleComparison
        Its `table` has for each group `n`, `n_old`, `risk`, `risk_old`, `increase` (new minus old risk) with `lower` and `upper` (Miettinen
        and Nurminen 1985, wider where few events allow more; Welch for real-valued losses), `p_value` and `p_adjusted` of
        a higher risk (by the exact unconditional test where a sample has fewer than 100 people), and whether it is `higher`. Groups that only one sample has are
        not tested.

    Raises
    ------
    TypeError
        If `new` or `old` is not a frame.
    ValueError
        If they have control features, overlapping groups, weights or units, other losses or columns of groups, the loss has no limits, or a parameter is out
        of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.metrics import PreferenceFrame, compare_samples
    >>> rng = np.random.default_rng(0)
    >>> def month(error, seed):
    ...     y, groups = rng.integers(0, 2, 4000), rng.choice(["a", "b"], 4000)
    ...     y_pred = np.where(rng.random(4000) < np.where(groups == "a", error, 0.2), 1 - y, y)
    ...     return PreferenceFrame(y_true=y, y_pred=y_pred, y_pred_pooled=y_pred, sensitive_features=groups)
    >>> compare_samples(month(0.26, 1), month(0.20, 0)).table["higher"].to_dict()
    {'a': True, 'b': False}
    """
    check_alpha(alpha)
    for name, frame in (("new", new), ("old", old)):
        if not isinstance(frame, PreferenceFrame):
            raise TypeError(f"{name} must be a PreferenceFrame; got {type(frame).__name__}.")
        if isinstance(frame.overall, pd.DataFrame) or frame.has_overlapping_groups:
            raise ValueError(
                f"{name} has control features or overlapping groups; compare frames without them."
            )
        if frame.is_weighted or frame.has_units:
            raise ValueError(
                f"{name} has weights or units, for which there is no test of two samples; leave them out, with one row per person."
            )
    first, second = new._measured, old._measured
    if first.loss != second.loss:
        raise ValueError(
            f"new and old must have the same loss; got {first.loss.title!r} and {second.loss.title!r}."
        )
    if first.layout.audit_names != second.layout.audit_names:
        raise ValueError(
            f"new and old must have the same columns of groups; got {first.layout.audit_names!r} and {second.layout.audit_names!r}."
        )
    check_has_test(first.loss)
    check_margin(margin, first.loss)
    if first.labels is not None and second.labels is not None:
        first.labels.check_same(second.labels, "new", "old")
    groups = new.by_group.index, old.by_group.index
    if not len(groups[0].intersection(groups[1])):
        raise ValueError(
            f"new and old have no group in common: {list(groups[0])[:5]!r} and {list(groups[1])[:5]!r}. Give both the same groups, in one spelling."
        )
    check_spellings(*groups, "new", "old")
    index = new.by_group.index.union(old.by_group.index, sort=False)
    samples = _two_samples(
        first, second, new.by_group.index.get_indexer(index), old.by_group.index.get_indexer(index)
    )
    lower, upper = difference_bounds(samples, alpha)
    known = samples.known
    p_values = np.where(known, higher_risk_p_value(samples, margin), np.nan)
    adjusted = np.full(len(p_values), np.nan)
    n_tested = int(known.sum())
    adjusted[known] = adjust_p_values(
        p_values[known],
        MIN_P,
        laws=NullLaws.uniform(n_tested),
        people=SharedPeople(np.arange(n_tested), np.zeros(n_tested, dtype=int)),
    )
    table = pd.DataFrame(
        {
            "n": new.by_group["n"].reindex(index).fillna(0).astype(int),
            "n_old": old.by_group["n"].reindex(index).fillna(0).astype(int),
            "risk": samples.new,
            "risk_old": samples.old,
            "increase": samples.new - samples.old,
            "lower": np.where(known, lower, np.nan),
            "upper": np.where(known, upper, np.nan),
            "p_value": p_values,
            "p_adjusted": adjusted,
            "higher": np.nan_to_num(adjusted, nan=1.0) < alpha,
        },
        index=index,
    )
    return SampleComparison(
        table, _in_words(table, Unit(first.loss.title), alpha, margin, randomized, min_group_size)
    )


def _two_samples(
    new: Measurement, old: Measurement, rows_new: np.ndarray, rows_old: np.ndarray
) -> TwoSamples:
    """Risks and sizes of the groups, in the order of the rows; -1 for a group that a sample does not have."""
    parts = [_risk_and_size(m, rows) for m, rows in ((new, rows_new), (old, rows_old))]
    (risk, variance, size), (risk_old, variance_old, size_old) = parts
    if new.loss.is_binary:
        return TwoSamples(risk, risk_old, size, size_old)
    both = variance + variance_old
    with np.errstate(divide="ignore", invalid="ignore"):
        df = both**2 / (variance**2 / np.maximum(size - 1, 1) + variance_old**2 / np.maximum(size_old - 1, 1))
    return TwoSamples(risk, risk_old, size, size_old, both, np.nan_to_num(df, nan=1.0), new.loss.span)


def _risk_and_size(m: Measurement, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Risk, its variance and the number of people."""
    sums = m.levels.audit
    n, missing = sums.n.astype(float), rows < 0
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sums.mean_variance()[:, OWN] * n / (n - 1)
    risk, variance = (np.where(missing, np.nan, x[rows]) for x in (sums.mean()[:, OWN], variance))
    return risk, variance, np.where(missing, 0.0, n[rows])


def _in_words(
    table: pd.DataFrame, unit: Unit, alpha: float, margin: float, randomized: bool, min_group_size: int
) -> str:
    confidence = f"{100 * (1 - alpha):g} % confidence"
    beyond = f" by more than {unit.amount_in_words(margin)}" if margin else ""
    higher = table[table["higher"]].sort_values("increase", ascending=False)
    alone = _in_one_sample(table, min_group_size)
    if not len(higher):
        return f"No higher risk was found on the new sample{beyond}, with {confidence}; that there is none is not shown.{alone}"
    is_shown = (higher["n"] >= min_group_size) & (higher["n_old"] >= min_group_size)
    parts = [
        f"{group_name(label)} ({unit.gain_in_words(row['increase'])}, {row['n']:,} people against {row['n_old']:,})"
        for label, row in higher[is_shown].head(_MAX_NAMED).iterrows()
    ]
    if more := int(is_shown.sum()) - len(parts):
        parts.append(f"{more} more")
    if hidden := int((~is_shown).sum()):
        parts.append(f"{hidden} group{'s' if hidden > 1 else ''} of fewer than {min_group_size} people")
    what = "The new model harms" if randomized else "Higher risk on the new sample"
    return f"{what}{beyond} with {confidence}: {', '.join(parts)}.{alone}"


def _in_one_sample(table: pd.DataFrame, min_group_size: int) -> str:
    """Name the groups of which nothing can be said, because one of the samples has nobody in them."""
    alone = table[(table["n"] == 0) | (table["n_old"] == 0)]
    shown = alone[(alone["n"] + alone["n_old"]) >= min_group_size]
    if not len(shown):
        return ""
    names = [group_name(label) for label in shown.index[:_MAX_NAMED]]
    more = [f"{len(shown) - len(names)} more"] if len(shown) > len(names) else []
    return f" In one sample only, and not compared: {', '.join([*names, *more])}."
