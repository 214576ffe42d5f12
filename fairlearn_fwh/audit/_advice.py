"""What to do after an audit, by rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..metrics._core._names import group_name, printable
from ._order import by_gain
from ._summary import more_needed
from ._words import plain_name

if TYPE_CHECKING:
    from ._findings import Findings

#: Groups that a step names.
_MOST_NAMED = 5


@dataclass(frozen=True)
class Step:
    """Something to do next.

    Attributes
    ----------
    title, text : str
        What to do, and why or how.
    code : str
        Lines of Python or of a shell, if there are any.
    """

    title: str
    text: str
    code: str = ""


def next_steps(findings: Findings) -> list[Step]:
    """Say what to do next.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    list of Step
    """
    rules = (_keep_the_old, _envy, _improved, _collect, _merge, _next_loss)
    return [step for rule in rules for step in rule(findings)]


def _keep_the_old(findings: Findings) -> Iterator[Step]:
    harmed = _labels(findings, "harmed")
    if not findings.harm_found:
        return
    subject = findings.subject
    who = _named(harmed) or "the groups that are worse off"
    everybody = len(harmed) == len(findings.sections[0].groups) and not findings.suppressed
    if everybody:
        yield Step(f"Keep {subject.pooled}", f"Every group is worse off with {subject.own}.")
        return
    yield Step(
        f"Keep {subject.pooled} for {who}",
        "NoHarmSelector picks a model for each group. Fit it on one part of the data, and audit it on the rest.",
        selector_code(findings),
    )


def selector_code(findings: Findings) -> str:
    """How to choose between the two by group, with the names of the columns."""
    subject = findings.subject
    columns = [name for name in findings.frame._layout.audit_names if isinstance(name, str)]
    return "\n".join(
        [
            "from fairlearn_fwh.postprocessing import NoHarmSelector",
            "",
            *(
                ["# table: both files joined by the key, with the two columns of answers under these names"]
                if subject.baseline
                else []
            ),
            "selector = NoHarmSelector.from_predictions(",
            f"    table[{subject.y_true!r}],",
            f"    table[[{subject.pooled!r}, {subject.own!r}]],  # the one to fall back to comes first",
            f"    sensitive_features=table[{columns!r}],",
            ")",
            "print(selector.selection_table_)",
        ]
    )


def _collect(findings: Findings) -> Iterator[Step]:
    """How many more people would do, where that is known."""
    known = {
        group_name(label) + (f" ({printable(section.loss)})" if findings.has_several_losses else ""): need
        for section in findings.sections
        for label, row in _undecided(section)
        if (need := more_needed(row, findings.counted))
    }
    if not known:
        return
    named = [f"{name} {need}" for name, need in list(known.items())[:_MOST_NAMED]]
    more = f", and {len(known) - _MOST_NAMED:,} more need some" if len(known) > _MOST_NAMED else ""
    limits = {section.unit.amount(section.tolerance) for section in findings.sections}
    text = (
        f"{'; '.join(named)}{more}. With that many there is a chance of 80 % of ruling out a loss of more than {' or '.join(sorted(limits))}, if the true gain is 0. "
        f"Until then keep {printable(findings.subject.pooled)} for them, or accept a larger tolerance."
    )
    yield Step(f"Collect more {findings.counted}", text)


def _merge(findings: Findings) -> Iterator[Step]:
    """Which groups that cannot be told would have enough people together."""
    if findings.has_several_losses or findings.frame.has_overlapping_groups:
        return
    section = findings.sections[0]
    open_ = dict(_undecided(section))
    names = findings.frame._layout.audit_names
    if len(names) > 1 and open_:
        yield Step(
            "Look at larger groups",
            f"Audit {' and '.join(map(printable, map(str, names)))} separately as well, in the same run.",
            "fairlearn-fwh audit ... --margins    # in Python: frame.over()",
        )
        return
    needed = [row.get("n_needed", np.nan) for row in open_.values()]
    together = sum(row["n"] for row in open_.values())
    if len(open_) > 1 and np.isfinite(needed).all() and together >= max(needed, default=np.inf):
        yield Step(
            f"Merge {_named(list(open_))}",
            f"Together they have {together:,.0f} {findings.counted}, and a certificate needs about {max(needed):,.0f}. Merge only groups that may be judged as one: a gain of one can hide "
            "a loss of another.",
        )


def _improved(findings: Findings) -> Iterator[Step]:
    better = findings.summary.better_off
    if not better:
        return
    listed = "; ".join(entry.in_brackets for entry in better)
    yield Step(f"Use {printable(findings.subject.own)} where it is proved better", f"{listed}.")


def _next_loss(findings: Findings) -> Iterator[Step]:
    """Errors count both kinds of mistakes alike; who is missed and who is falsely alarmed can be others."""
    if findings.has_several_losses:
        return
    name = findings.sections[0].frame.loss_name
    if name == "zero_one":
        yield Step(
            "Look at the kinds of errors",
            "The error rate counts both kinds of mistake equally. Check missed positives and false alarms separately (--loss error,missed,false_alarm).",
            "fairlearn-fwh audit ... --loss error,missed,false_alarm --pos-label missed=POSITIVE_LABEL --pos-label false_alarm=POSITIVE_LABEL",
        )
    elif name in ("missed", "false_alarm"):
        other = "false_alarm" if name == "missed" else "missed"
        yield Step(
            "Look at the other kind of error",
            f"What is gained in {name} may be paid in {other}.",
            f"fairlearn-fwh audit ... --loss {name},{other}",
        )


def _envy(findings: Findings) -> Iterator[Step]:
    if findings.envy_found:
        yield Step(
            "Look at who envies whom",
            "Some groups would do better with another group's classifier. Offer it to them, or record why not. This does not count as harm.",
        )


def _undecided(section: Any) -> list[tuple[Any, dict[str, Any]]]:
    table = section.figures[~section.is_hidden]
    table = table[(table["n"] > 0) & ~table["harmed"] & ~table["certified"]]
    table = by_gain(table)
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return list(zip(table.index, rows, strict=True))


def _labels(findings: Findings, state: str) -> list[Any]:
    """Labels of groups that may be shown and of which something holds in some loss."""
    found = [label for section in findings.sections for label in section.groups.index[section.groups[state]]]
    return list(dict.fromkeys(found))


def _named(labels: Sequence[Any]) -> str:
    names = [plain_name(label) for label in labels[:_MOST_NAMED]]
    if len(labels) > _MOST_NAMED:
        names.append(f"{len(labels) - _MOST_NAMED:,} more groups")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
