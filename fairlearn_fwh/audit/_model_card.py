"""A preference frame as a section of a model card."""

from __future__ import annotations

from ._findings import Findings
from ._group_table import group_table
from ._markdown import escaped, markdown_table
from ._section import Section


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
    lines = [f"**{escaped(findings.headline)}**", ""]
    for title, entries in findings.summary.lists.items():
        lines.append(
            f"- {title}: {escaped('; '.join(entry.in_brackets for entry in entries)) or 'no group'}."
        )
    if findings.envious:
        lines.append(f"- Would do better with another group's classifier: {escaped(findings.envious)}.")
    return "\n".join(lines)


def _factors(findings: Findings) -> str:
    n_groups, hidden = len(findings.frame.by_group), len(findings.suppressed)
    names = escaped(", ".join(map(str, findings.frame.by_group.index.names)))
    text = f"{n_groups} group{'s' if n_groups > 1 else ''}, by {names}."
    if hidden:
        were = "were" if hidden > 1 else "was"
        text += f" {hidden} {findings.why_suppressed} {were} tested with the others and {were} left out here."
    return text


def _metrics(findings: Findings) -> str:
    weighted = " Rows are weighted." if findings.frame.is_weighted else ""
    weighted += " Rows of one person or other unit count together." if findings.frame.has_units else ""
    baseline = "the risk with the pooled classifier (or another baseline) minus that with the model"
    if findings.has_several_losses:
        risks = "; ".join(f"{s.loss}: {s.unit.risk_name}, gains in {s.unit.name}" for s in findings.sections)
        return escaped(
            f"Risks of a group are, by loss: {risks}. A gain is {baseline}: positive is good for the group, negative is harm. A loss concerns the "
            f"people whom it can befall; who is missed is counted among positive people.{weighted}"
        )
    unit = findings.sections[0].unit
    return escaped(
        f"Risk is the {unit.risk_name} of a group. A gain is {baseline}, in "
        f"{unit.name}: positive is good for the group, negative is harm.{weighted}"
    )


def _evaluation_data(findings: Findings) -> str:
    overall = max((s.overall for s in findings.sections), key=lambda figures: figures.get("n", 0.0))
    people = f"{overall['n']:,.0f} {findings.counted}" if overall else "people"
    people += (
        f" of {findings.frame.n_units:,} people or other units"
        if overall and findings.frame.n_units is not None
        else ""
    )
    return (
        f"To be confirmed, and described, by the author of this card: {people} who took no part in fitting or choosing the model or the "
        "baseline."
    )


def _quantitative_analyses(findings: Findings) -> str:
    header, rows = group_table(findings)
    if not rows:
        return "No group is large enough to be shown."
    header, *rows = ([escaped(cell) for cell in row] for row in [header, *rows])
    n_claims = len(findings.certificate)
    confidence = f"{100 * (1 - findings.alpha):g} % confidence"
    first = findings.sections[0]
    gains = "" if findings.has_several_losses else f"Gains are in {first.unit.name}. "
    together = f" for all {n_claims} claims together (step-down)" if n_claims > 1 else ""
    notes = [
        f"{gains}Each interval holds by itself; what is found and what is ruled out holds with {confidence}{together}."
    ]
    notes += [_of_margin(section) for section in findings.sections if section.harm_margin]
    if first.power is not None and not findings.has_several_losses:
        notes.append(
            f"{findings.counted.capitalize()} needed: how many it takes to rule such a loss out with a probability of 80 % if the true gain is 0. A loss can be significant "
            "and still smaller than the tolerance."
        )
    if (envy := findings.envy()) is not None:
        notes.append(
            f"That a group does not do worse than with another group's classifier is shown for {envy['certified'].sum()} of {len(envy)} pairs."
        )
    return "\n\n".join([markdown_table(header, rows), *map(escaped, notes)])


def _of_margin(section: Section) -> str:
    return f"Harm is a loss of more than {section.unit.amount_in_words(section.harm_margin)}."


def _caveats(findings: Findings) -> str:
    tips = [escaped(f"{step.title}. {step.text}") for step in findings.next_steps]
    tips += [
        "No harm found is not the same as no harm: where it was not ruled out there may be too few people.",
        "Nothing is said of groups that were not asked about, of single people, or of people who are unlike these.",
        "Labels are taken for the truth; compare with the strongest baseline that there is.",
    ]
    return "\n".join(f"- {tip}" for tip in tips)
