"""Groups that are half known: bounds of gains from probabilities of belonging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from . import _shown
from ._core._alignment import check_alignment
from ._core._groups import flat_index
from ._core._losses import Loss, resolve_loss
from ._core._names import SMALLEST_SHOWN, group_name
from ._core._reading import read_sample
from ._core._units import Unit
from ._inference._checks import check_alpha, check_has_test, check_margin, check_test
from ._inference._partial_identification import UncertainGroup
from ._inference._step_down import MIN_P, NullLaws, SharedPeople, adjust_p_values
from ._preference_frame import PreferenceFrame

#: How far a sum of probabilities may be from 1.
_ROUNDING = 1e-6

#: Groups that a sentence names.
_MAX_NAMED = 10


@dataclass(frozen=True)
class PartialGains:
    """What `bound_group_gains` returns.

    Attributes
    ----------
    table : DataFrame
        One row per group: `n` people to be expected, `lowest` and `highest` gain that the sample allows (whoever of the people with one probability is in the group), `lower` and `upper`
        confidence bounds of these, `p_harm` and `p_certificate` (adjusted), `harmed`, `certified`.
    verdict : str
        The same in one sentence.
    loss_name : str
        Name of the loss.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import bound_group_gains
    >>> found = bound_group_gains(y_true=[1, 0] * 50, y_pred=[1, 0] * 50, y_pred_pooled=[1, 0] * 50,
    ...                           group_probabilities={"a": [0.5] * 100, "b": [0.5] * 100}, tolerance=0.2)
    >>> found.verdict[:71]
    'A loss of more than 20 points of accuracy is ruled out for every group,'
    """

    table: pd.DataFrame
    verdict: str
    loss_name: str

    def plot(self, *, ax: Any = None, min_group_size: int = 1) -> Any:
        """Plot what is possible for each group, and how sure that is.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to plot; by default new axes.
        min_group_size : int
            Groups of fewer people (to be expected) are not drawn.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        return _shown.plot_partial(self, ax, min_group_size)


def bound_group_gains(
    *,
    y_true: Any,
    y_pred: Any,
    y_pred_pooled: Any,
    group_probabilities: Any,
    known_groups: Any = None,
    loss: Any = "zero_one",
    loss_limit: float | None = None,
    labels: Any = None,
    tolerance: float = 0.01,
    alpha: float = 0.05,
    harm_margin: float = 0.0,
) -> PartialGains:
    """Bound the gain of each group where only probabilities of belonging to it are known.

    Among people with one probability of being in a group it can be those who lose by the new model, or those who gain: the data do not tell. So the gain of a group is not a number but an
    interval, which more people do not narrow; probabilities nearer to 0 and 1 do, and people who told their group. Replacing a probability by the likelier group, or weighting people by
    it, assumes away what is to be found out: harm is then missed, and certificates are false.

    Parameters
    ----------
    y_true, y_pred, y_pred_pooled : array-like, shape (n,)
        True labels, what people got, and what the baseline would have given them.
    group_probabilities : DataFrame, shape (n, K)
        Probability of each group, by column; rows sum to 1. They have to be *calibrated*: of people with probability .7 seven in ten are in the group.
    known_groups : array-like, shape (n,), optional
        Groups of those who told them, missing (None or NaN) for the others, of whom the probabilities have to be calibrated.
    loss : str or callable
        As for `PreferenceFrame`; with limits.
    loss_limit : float, optional
        As for `PreferenceFrame`.
    labels : sequence of labels, optional
        As for `PreferenceFrame`.
    tolerance : float
        Largest loss that counts as none in certificates, in units of the loss.
    alpha : float
        One minus the confidence: of each bound, of all groups together that are said to be harmed, and of all that are certified.
    harm_margin : float
        Loss that is not yet called harm, in units of the loss.

    Returns
    -------
    PartialGains

    Raises
    ------
    ValueError
        If probabilities are missing, outside 0 to 1, or do not sum to 1, a known group is none of the columns, the loss has no limits, or as for `PreferenceFrame`.

    Notes
    -----
    `lowest` and `highest` are the Frechet bounds within cells of at least 50 people with equal or similar probabilities (Kallus, Mao and Zhou 2022, proposition 1); coarser cells are wider
    and still right. Confidence bounds, harm and certificates rest on bets on the dual of these bounds, whose thresholds are chosen by the people before: they hold for any number of people and
    cells. Where all probabilities are 0 or 1 everything is as for `PreferenceFrame` with these groups.

    References
    ----------
    Kallus, Mao and Zhou, "Assessing algorithmic fairness with unobserved protected class using data combination", Management Science 68(3), 2022, arXiv 1906.00285.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from fairlearn_fwh.metrics import bound_group_gains
    >>> rng = np.random.default_rng(0)
    >>> p = rng.choice([0.05, 0.95], 8000)
    >>> woman = rng.random(8000) < p
    >>> new = np.where(woman & (rng.random(8000) < 0.2), 0, 1)  # errs about a fifth of the women
    >>> found = bound_group_gains(y_true=np.ones(8000, int), y_pred=new, y_pred_pooled=np.ones(8000, int), labels=[0, 1],
    ...                           group_probabilities=pd.DataFrame({"woman": p, "man": 1 - p}))
    >>> found.table[["lowest", "highest", "harmed"]].round(2)
           lowest  highest  harmed
    woman   -0.19    -0.13    True
    man     -0.06    -0.00   False
    """
    loss_of = resolve_loss(loss, loss_limit)
    check_has_test(loss_of)
    if loss_of.concerns is not None:
        raise ValueError(
            f"loss={loss_of.name!r} concerns some people alone; give their rows, with their probabilities, and loss='zero_one'."
        )
    check_test(tolerance, alpha, "tango", None, loss_of, weighted=False)
    check_alpha(alpha)
    check_margin(harm_margin, loss_of, "harm_margin")
    check_alignment(
        {
            "y_true": y_true,
            "y_pred": y_pred,
            "y_pred_pooled": y_pred_pooled,
            "group_probabilities": group_probabilities,
            "known_groups": known_groups,
        }
    )
    names, q = _read_probabilities(group_probabilities)
    gains = _gains(y_true, y_pred, y_pred_pooled, loss_of, labels)
    if len(gains) != len(q):
        raise ValueError(f"group_probabilities has {len(q)} rows, but {len(gains)} are expected.")
    if known_groups is not None:
        q = _with_known(q, names, known_groups)
    if np.isin(q, (0, 1)).all():
        groups = flat_index(names)[q.argmax(axis=1)]
        frame = PreferenceFrame(
            y_true=y_true, y_pred=y_pred, y_pred_pooled=y_pred_pooled, sensitive_features=np.asarray(groups), loss=loss,
            loss_limit=loss_limit, labels=labels,
        )  # fmt: skip
        table = _known_table(frame, names, tolerance, alpha, harm_margin)
    else:
        table = _bounded_table(gains, q, names, loss_of, tolerance, alpha, harm_margin)
    verdict = _in_words(table, Unit(loss_of.title), tolerance, alpha, harm_margin)
    return PartialGains(table, verdict, loss_of.title)


def _gains(y_true: Any, y_pred: Any, y_pred_pooled: Any, loss: Loss, labels: Any) -> np.ndarray:
    """Gain of each person."""
    sample = read_sample(
        y_true=y_true, y_pred=y_pred, y_pred_pooled=y_pred_pooled, y_pred_by_group=None, groups=None,
        sensitive_features=None, control_features=None, losses=[loss], sample_weight=None, pooled_groups=(), labels=labels,
    )  # fmt: skip
    if sample.sets is not None:
        sample.sets.check()
    losses = sample.rows(sample.complete(loss)).losses
    own, pooled = (np.asarray(of_model, dtype=float) for of_model in losses[:2])
    return pooled - own


def _read_probabilities(probabilities: Any) -> tuple[list[Any], np.ndarray]:
    """Names of the groups, and probabilities, shape (n, K).

    Raises
    ------
    TypeError
        If there are no columns with names.
    ValueError
        If they are not probabilities that sum to 1.
    """
    frame = nw.from_native(
        pd.DataFrame(probabilities) if isinstance(probabilities, dict) else probabilities,
        eager_only=True,
        pass_through=True,
    )
    if not isinstance(frame, nw.DataFrame):
        raise TypeError(
            f"group_probabilities must be a DataFrame or dict with one column per group; got {type(probabilities).__name__}."
        )
    names = (
        list(frame.columns) if not isinstance(probabilities, pd.DataFrame) else list(probabilities.columns)
    )
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"group_probabilities must have at least two columns with different names; got {names!r}."
        )
    columns = []
    for name in names:
        values = np.asarray(frame.get_column(name).to_numpy())
        if (
            values.dtype.kind not in "biuf"
            or not np.isfinite(values).all()
            or values.min(initial=0) < 0
            or values.max(initial=0) > 1 + _ROUNDING
        ):
            raise ValueError(
                f"Column {name!r} of group_probabilities must have probabilities, from 0 to 1, without missing values."
            )
        columns.append(values.astype(float))
    q = np.column_stack(columns)
    sums = q.sum(axis=1)
    if (wrong := np.abs(sums - 1) > _ROUNDING).any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"Rows of group_probabilities must sum to 1; row {row} sums to {sums[row]:g}. Add a column for all other groups."
        )
    return names, np.clip(q / sums[:, None], 0.0, 1.0)


def _with_known(q: np.ndarray, names: list[Any], known_groups: Any) -> np.ndarray:
    """Probabilities in which known groups have 1.

    Raises
    ------
    ValueError
        If lengths differ, or a group is none of the columns.
    """
    known = pd.Series(list(known_groups), dtype=object)
    if len(known) != len(q):
        raise ValueError(f"known_groups has {len(known)} rows, but {len(q)} are expected.")
    position = {name: i for i, name in enumerate(names)}
    told = known.notna().to_numpy()
    if unknown := sorted({str(label) for label in known[told] if label not in position}):
        raise ValueError(
            f"known_groups has {unknown[:5]!r}; the columns of group_probabilities are {names!r}."
        )
    codes = np.array([position[label] for label in known[told]], dtype=int)
    result = q.copy()
    result[told] = np.eye(len(names))[codes]
    return result


def _bounded_table(
    gains: np.ndarray,
    q: np.ndarray,
    names: list[Any],
    loss: Loss,
    tolerance: float,
    alpha: float,
    margin: float,
) -> pd.DataFrame:
    assert loss.span is not None
    rows = []
    for column in q.T:
        if not column.any():
            rows.append(
                dict.fromkeys(("n", "lowest", "highest", "lower", "upper", "p_harm", "p_certificate"), np.nan)
                | {"n": 0.0}
            )
            continue
        group = UncertainGroup(gains, column, loss.span)
        below, above = group.evidence(), group.mirrored().evidence()
        rows.append(
            {
                "n": column.sum(),
                "lowest": group.lowest_gain(),
                "highest": -group.mirrored().lowest_gain(),
                "lower": below.lower_bound(alpha / 2),
                "upper": -above.lower_bound(alpha / 2),
                "p_harm": above.p_value(margin),
                "p_certificate": below.p_value(-tolerance),
            }
        )
    table = pd.DataFrame(rows, index=flat_index(names))
    for name in ("p_harm", "p_certificate"):
        known = table[name].notna().to_numpy()
        table.loc[known, name] = adjust_p_values(
            table.loc[known, name].to_numpy(dtype=float),
            MIN_P,
            laws=NullLaws.uniform(int(known.sum())),
            people=SharedPeople.everybody(int(known.sum())),
        )
    return table.assign(harmed=table["p_harm"] < alpha, certified=table["p_certificate"] < alpha)


def _known_table(
    frame: PreferenceFrame, names: list[Any], tolerance: float, alpha: float, margin: float
) -> pd.DataFrame:
    """The same of groups that are known for certain, as a frame says it."""
    figures, intervals = frame.by_group, frame.gain_intervals(alpha)
    harm = frame.harm_tests(claims="rationality", margin=margin)
    certificate = frame.certify(tolerance=tolerance, alpha=alpha)
    table = pd.DataFrame(
        {
            "n": figures["n"].astype(float),
            "lowest": figures["rationality_gain"],
            "highest": figures["rationality_gain"],
            "lower": intervals["lower"],
            "upper": intervals["upper"],
            "p_harm": harm["p_adjusted"].to_numpy(),
            "p_certificate": certificate["p_adjusted"].to_numpy(),
            "harmed": harm["p_adjusted"].to_numpy() < alpha,
            "certified": certificate["certified"].to_numpy(),
        }
    )
    table = table.reindex(flat_index(names))
    return table.assign(
        n=table["n"].fillna(0.0), harmed=table["harmed"].eq(True), certified=table["certified"].eq(True)
    )


def _in_words(table: pd.DataFrame, unit: Unit, tolerance: float, alpha: float, margin: float) -> str:
    confidence = f"with {100 * (1 - alpha):g} % confidence, if the probabilities of groups are calibrated"
    is_shown = table["n"] >= SMALLEST_SHOWN

    def listed(mine: pd.Series) -> str:
        named = table[mine & is_shown].sort_values("lowest", kind="stable")
        parts = [
            f"{group_name(label)} (a gain between {unit.gain_in_words(row['lowest'])} and {unit.gain_in_words(row['highest'])} is possible)"
            for label, row in named.head(_MAX_NAMED).iterrows()
        ]
        if (more := len(named) - _MAX_NAMED) > 0:
            parts.append(f"{more} more")
        if hidden := int((mine & ~is_shown).sum()):
            parts.append(f"{hidden} group{'s' if hidden > 1 else ''} of fewer than {SMALLEST_SHOWN} people")
        return ", ".join(parts)

    beyond = f" by more than {unit.amount_in_words(margin)}" if margin else ""
    if table["harmed"].any():
        return f"Harms{beyond}, whoever belongs to the group, {confidence}: {listed(table['harmed'])}."
    loss = f"loss of more than {unit.amount_in_words(tolerance)}"
    unsure = ~table["certified"] & (table["n"] > 0)
    if not unsure.any():
        shown = f"A {loss} is ruled out" if tolerance else "A gain is shown"
        return f"{shown} for every group, {confidence}."
    open_ = f"a {loss} cannot be ruled out" if tolerance else "a gain is not shown"
    return f"No harm is found for certain, but {open_} {confidence} for {listed(unsure)}."
