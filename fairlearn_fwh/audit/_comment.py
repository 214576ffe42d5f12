"""An audit in Markdown, for the comment of a pull request or the summary of a CI run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._group_table import group_table
from ._markdown import escaped, markdown_table
from ._unusable import MARKDOWN_MARK

if TYPE_CHECKING:
    from ._findings import Findings

#: Groups that the table has; the page and the JSON have all.
_MOST_ROWS = 20


def comment(findings: Findings) -> str:
    """Write an audit in Markdown.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    str
    """
    subject = findings.subject
    title = f"{subject.own} against {subject.pooled}" if subject.has_names else "No-harm audit"
    parts = [
        f"### {escaped(f'{title}: {subject.source}' if subject.source else title)}",
        f"**{escaped(findings.headline)}**",
    ]
    said = {
        title: "; ".join(entry.in_brackets for entry in entries)
        for title, entries in findings.summary.lists.items()
    }
    parts.append("\n".join(f"- **{title}**: {escaped(text) or 'no group'}" for title, text in said.items()))
    if findings.envious:
        parts.append(f"Would do better with another group's classifier: {escaped(findings.envious)}.")
    header, rows = group_table(findings)
    if rows:
        parts.append(
            markdown_table(
                [escaped(cell) for cell in header],
                [[escaped(cell) for cell in row] for row in rows[:_MOST_ROWS]],
            )
        )
    if (more := len(rows) - _MOST_ROWS) > 0:
        parts.append(f"{more:,} more groups are not shown.")
    if findings.next_steps:
        steps = "\n".join(
            f"1. **{escaped(step.title)}.** {escaped(step.text)}" for step in findings.next_steps
        )
        parts.append(f"<details><summary>What to do next</summary>\n\n{steps}\n\n</details>")
    return "\n\n".join([*parts, MARKDOWN_MARK]) + "\n"
