"""A selection in words: what was chosen, what that promises and what not."""

from __future__ import annotations

from typing import Any

from ..metrics import PreferenceFrame
from ..metrics._core._names import group_name
from ..metrics._core._units import plain_gain
from ._candidates import Selection
from ._guarantees import CERTIFIED, EMPIRICAL, RELEASE, SHRUNK, Guarantee
from ._protection import HARM

#: Groups that a sentence names.
_MAX_NAMED = 10


def in_words(
    selection: Selection, guarantee: Guarantee, cross_fit: int | None, frame: PreferenceFrame, noun: str
) -> str:
    """Say what was chosen, how sure that is, and who envies whom.

    Parameters
    ----------
    selection : Selection
    guarantee : Guarantee
    cross_fit : int or None
        Number of fold models that the figures are an average over.
    frame : PreferenceFrame
        After the choice.
    noun : {"classifier", "regressor"}
        What was chosen from.
    """
    n, kept = len(selection.labels), selection.chosen >= 0
    if not n:
        return f"There are no groups: everybody is served by the pooled {noun}."
    claim = _claim(guarantee, cross_fit)
    do = "everybody together does" if guarantee.kind == RELEASE else "they do"
    refused = f"strategy={selection.strategy!r} prefers the pooled {noun}"
    if not kept.any() and selection.n_refused:
        return f"{selection.n_refused} of {n} groups do {claim} with another {noun}, but {refused} for everybody."
    if not kept.any() and guarantee.kind == RELEASE:
        found = selection.decided["reason"].str.split("; gain of the group").str[0].drop_duplicates()
        why = " | ".join(text for text in found if text) or f"no group has another {noun}"
        return f"Nothing is released, and everybody is served by the pooled {noun}: {why}."
    if not kept.any():
        return (
            f"No group is shown to do {claim} with another {noun}: everybody is served by the pooled {noun}."
        )
    names = named([label for label, is_kept in zip(selection.labels, kept, strict=True) if is_kept])
    rest = f"; the pooled {noun} serves the other {n - kept.sum()}" if n > kept.sum() else ""
    rest += f" (for {selection.n_refused} of them {refused})" if selection.n_refused else ""
    parts = [
        f"{kept.sum()} of {n} groups keep another {noun}, with which {do} {claim}: {names}{rest}.",
        _promise(guarantee),
        _not_protected(
            selection, guarantee, f"every group that keeps another {noun}" if rest else "every group"
        ),
        _envy(frame, guarantee),
    ]
    return " ".join(part for part in parts if part)


def _claim(guarantee: Guarantee, cross_fit: int | None) -> str:
    limit = f"at most {guarantee.tolerance:g} worse than" if guarantee.tolerance else "better than"
    average = f" on average over {cross_fit} fold models" if cross_fit else ""
    confidence = f"{100 * (1 - guarantee.alpha):g} % confidence"
    loss = "a larger loss" if guarantee.tolerance else "a loss"
    how_sure = {
        CERTIFIED: f"{confidence}, for all groups together",
        EMPIRICAL: "in the selection data, which proves nothing",
        RELEASE: confidence,
        SHRUNK: f"{loss} has a probability below {100 * guarantee.alpha:g} %, for each group by itself",
    }[guarantee.kind]
    return f"{limit} with the pooled one{average} ({how_sure})"


def _promise(guarantee: Guarantee) -> str:
    """What is promised beside that, and what not."""
    beyond = f" by more than {guarantee.harm_margin:g}" if guarantee.harm_margin else ""
    return {
        RELEASE: f"No group was found to lose{beyond} (level {guarantee.harm_alpha:g} for all groups together); that no group loses is not promised.",
        SHRUNK: "Groups borrow from each other; no error probability is promised for all groups together.",
    }.get(guarantee.kind, "")


def _not_protected(selection: Selection, guarantee: Guarantee, judged: str) -> str:
    if guarantee.kind not in (RELEASE, SHRUNK):
        return ""
    groups = selection.not_protected()
    harm = _harm_to_see(selection)
    if not groups:
        return f"In {judged} {harm} would have been found with a power of at least 80 %."
    return f"Not protected, because {harm} would have been found with a power below 80 %: {named(groups)}."


def _harm_to_see(selection: Selection) -> str:
    """Name the harm that `HARM` is, in the unit of the score."""
    loss = selection.evidence.score.loss
    if loss.span is None or (loss.limit is None and loss.span == 1):
        return "a loss of 5 points"
    return f"a loss of {HARM * loss.span:g} (5 % of the largest that counts)"


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


def named(groups: list[Any]) -> str:
    """List groups, the first of them by name."""
    more = f" and {len(groups) - _MAX_NAMED} more" if len(groups) > _MAX_NAMED else ""
    return f"{', '.join(map(group_name, groups[:_MAX_NAMED]))}{more}"
