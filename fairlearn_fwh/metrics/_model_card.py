"""A preference frame as a section of a model card."""

from __future__ import annotations

from ._findings import Findings
from ._group_table import Unit, group_table
from ._markdown import markdown_table


def model_card(findings: Findings) -> str:
    """Write what was found under the headings of model cards (Mitchell et al. 2019, arXiv 1810.03993), in Markdown."""
    sections = {
        "Factors": _factors(findings),
        "Metrics": _metrics(findings),
        "Evaluation data": _evaluation_data(findings),
        "Quantitative analyses": _quantitative_analyses(findings),
        "Caveats and recommendations": _caveats(findings),
    }
    text = "\n\n".join(f"### {heading}\n\n{section}" for heading, section in sections.items())
    return f"## Fairness without harm\n\n{_verdict(findings)}\n\n{text}\n"


def _verdict(findings: Findings) -> str:
    if findings.harm_found:
        title = "Harm found"
    else:
        title = "No harm certified" if findings.certified else "No harm found, not certified"
    return f"**{title}.** {_escaped(findings.sentence('The model'))}"


def _factors(findings: Findings) -> str:
    by_group, hidden = findings.frame.by_group, len(findings.suppressed)
    text = f"{len(by_group)} groups, by {_escaped(', '.join(map(str, by_group.index.names)))}."
    if hidden:
        text += f" {hidden} of fewer than {findings.min_group_size} people were tested with the others and are not shown."
    return text


def _metrics(findings: Findings) -> str:
    unit = Unit(findings)
    risk = "share of wrong predictions" if unit.in_points else f"mean {unit.loss} loss"
    others = "the pooled classifier's (or another baseline's)"
    if findings.claims == "all":
        others += " or another group's classifier's"
    return (
        f"Risk is the {risk} of a group. A gain is {others} risk minus the model's own, in {unit.name}: positive is good for "
        "the group, negative is harm."
    )


def _evaluation_data(findings: Findings) -> str:
    overall = findings.overall()
    people = f"{overall['n']:,.0f} people" if overall else "People"
    return (
        f"{people} who took no part in fitting or choosing the model or the baseline. (To be confirmed, and described, by the "
        "author of this card.)"
    )


def _quantitative_analyses(findings: Findings) -> str:
    header, rows = group_table(findings)
    table = markdown_table(header, [[_escaped(cell) for cell in row] for row in rows])
    note = (
        f"Gains in {Unit(findings).name}; intervals hold each by itself. Who is harmed, and what is shown, is so with "
        f"{100 * (1 - findings.alpha):g} % confidence for all {len(findings.certificate)} claims together (Holm)."
    )
    return f"{table}\n\n{note}" if rows else "No group is large enough to be shown."


def _caveats(findings: Findings) -> str:
    tips = [
        "No harm found is not the same as no harm: where it was not ruled out there may be too few people.",
        "Nothing is said of groups that were not asked about, of single people, or of people who are unlike these.",
        "Labels are taken for the truth; compare with the strongest baseline that there is.",
    ]
    if findings.harm_found:
        tips.insert(0, "Serve the harmed groups by the baseline, or say why not.")
    return "\n".join(f"- {tip}" for tip in tips)


def _escaped(text: str) -> str:
    """Labels of groups come from data: they must not be taken for Markdown."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
