"""A preference frame as a section of a model card."""

from __future__ import annotations

import numpy as np

from ._findings import Findings, records
from ._markdown import markdown_table


def model_card(findings: Findings) -> str:
    """Write what was found under the headings of model cards (Mitchell et al. 2019, arXiv 1810.03993), in Markdown."""
    card = _Card(findings)
    sections = {
        "Factors": card.factors(),
        "Metrics": card.metrics(),
        "Evaluation data": card.evaluation_data(),
        "Quantitative analyses": card.quantitative_analyses(),
        "Caveats and recommendations": card.caveats(),
    }
    text = "\n\n".join(f"### {heading}\n\n{section}" for heading, section in sections.items())
    return f"## Fairness without harm\n\n{card.verdict()}\n\n{text}\n"


class _Card:
    """Sections of the card."""

    def __init__(self, findings: Findings) -> None:
        self.findings, self.frame = findings, findings.frame
        self.in_points = findings.frame.loss_name == "zero_one"
        self.unit = "percentage points" if self.in_points else f"{findings.frame.loss_name} loss"

    def verdict(self) -> str:
        found = self.findings
        if found.harm_found:
            title = "Harm found"
        else:
            title = "No harm certified" if found.certified else "No harm found, not certified"
        return f"**{title}.** {_escaped(found.sentence('The model'))}"

    def factors(self) -> str:
        names, hidden = map(str, self.frame.by_group.index.names), len(self.findings.suppressed)
        text = f"{len(self.frame.by_group)} groups, by {_escaped(', '.join(names))}."
        if hidden:
            text += f" {hidden} of fewer than {self.findings.min_group_size} people were tested with the others and are not shown."
        return text

    def metrics(self) -> str:
        risk = "share of wrong predictions" if self.in_points else f"mean {self.frame.loss_name} loss"
        others = "the pooled classifier's (or another baseline's)"
        if self.findings.claims == "all":
            others += " and other groups' classifiers'"
        return (
            f"Risk is the {risk} of a group. A gain is {others} risk minus the model's own, in {self.unit}: positive is good for "
            "the group, negative is harm."
        )

    def evaluation_data(self) -> str:
        overall = self.findings.overall()
        people = f"{overall['n']:,.0f} people" if overall else "People"
        return f"{people} who took no part in fitting or choosing the model or the baseline. (To be confirmed, and described, by the author of this card.)"

    def quantitative_analyses(self) -> str:
        found = self.findings
        confidence = f"{100 * (1 - found.alpha):g} %"
        power = found.power is not None
        harmed = set(found.violations.loc[found.violations["kind"] == "rationality", "group"])
        header = ["group", "people", "risk", "pooled risk", f"gain, {self.unit}", "harmed"]
        header += (
            [f"shown to lose less than {self._amount(found.tolerance)}", "people needed for that"]
            if power
            else ["shown to gain"]
        )
        groups = found.groups()
        rows = [
            [
                _escaped(row["group"]),
                f"{row['n']:,.0f}",
                self._risk(row["risk"]),
                self._risk(row["pooled_risk"]),
                f"{self._gain(row['gain'])} ({self._gain(row['lower'])} to {self._gain(row['upper'])})",
                _yes(label in harmed),
                _yes(row["certified"]),
                *([_number(row["n_needed"])] if power else []),
            ]
            for label, row in zip(groups.index, records(groups), strict=True)
        ]
        note = (
            f"Intervals ({100 * (max(self.frame.ci_quantiles) - min(self.frame.ci_quantiles)):g} %) hold each by itself; what is said to be harmed or shown is so with "
            f"{confidence} confidence for all {len(found.certificate)} claims together (Holm)."
        )
        return f"{markdown_table(header, rows)}\n\n{note}"

    def caveats(self) -> str:
        tips = [
            "No harm found is not the same as no harm: where it was not shown there may be too few people.",
            "Nothing is said of groups that were not asked about, of single people, or of people who are unlike these.",
            "Labels are taken for the truth; compare with the strongest baseline that there is.",
        ]
        if self.findings.harm_found:
            tips.insert(0, "Serve the harmed groups by the baseline, or say why not.")
        return "\n".join(f"- {tip}" for tip in tips)

    def _risk(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.in_points else f"{value:.4g}"

    def _gain(self, value: float) -> str:
        if not np.isfinite(value):
            return "–"
        return f"{100 * value:+.2f}" if self.in_points else f"{value:+.4g}"

    def _amount(self, value: float) -> str:
        if not self.in_points:
            return f"{value:g}"
        return "1 point" if value == 0.01 else f"{100 * value:g} points"


def _number(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "–"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _escaped(text: str) -> str:
    """Labels of groups come from data: they must not be taken for Markdown."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")
