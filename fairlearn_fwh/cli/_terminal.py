"""What the commands ``demo`` and ``mitigators`` say about comparisons: a line for each method, colours, what it comes to, what to try next."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..audit._audit import Audit
from ..audit._group_table import RESULT, group_table, line_of, widths_of
from ..audit._monitor_report import HARM_FOUND, MonitorReport
from ..audit._ranking_report import WORSE, RankingReport
from ..audit._sample_report import HIGHER, SampleReport
from ..audit._words import RESULTS
from ..metrics._core._names import group_name, printable
from ..metrics._core._units import Unit, share

if TYPE_CHECKING:
    from ..experiments import Comparison

#: Groups whose gains have columns of their own; of more the worst is shown.
_MOST_COLUMNS = 4

_COLOURS = {"harm": "red", "pooled": "blue", "certified": "green", "unsure": "yellow"}


class Fitting:
    """Tells which method is being fitted: on one line of a terminal that is cleared at the end, else on one line each."""

    def __init__(self) -> None:
        self.in_place = sys.stderr.isatty()

    def __call__(self, method: str) -> None:
        """Tell of a method."""
        if self.in_place:
            click.echo(f"\r\033[K  fitting: {method} ...", err=True, nl=False)
        else:
            click.echo(f"  fitting: {method}", err=True)

    def done(self) -> None:
        """Clear the line."""
        if self.in_place:
            click.echo("\r\033[K", err=True, nl=False)


def show_comparison(comparison: Comparison) -> None:
    """Print a line for each method: accuracy, gains of groups (with a star where the loss is significant), and what that comes to.

    Parameters
    ----------
    comparison : Comparison
    """
    header, rows = _table(comparison)
    widths = widths_of([header, *(row for row, _ in rows)])
    click.secho(line_of(header[:-1], widths), bold=True)
    for row, colour in rows:
        click.echo(f"{line_of(row[:-1], widths)}  {click.style(row[-1], fg=colour)}".rstrip())
    click.echo()
    if explained := comparison.explained():
        click.echo(f"{explained}\n")
    for method, reason in comparison.skipped.items():
        click.echo(f"{method} was skipped: {reason}\n")


def say(text: str, *, err: bool = False, **style: Any) -> None:
    """Print text from which nothing but its colour changes the terminal, and no line of which a CI system takes for a command.

    Parameters
    ----------
    text : str
    err : bool
        Whether to print to standard error.
    **style
        As for `click.style`.
    """
    for line in text.split("\n"):
        click.secho(_harmless(printable(line)), err=err, **style)


def _harmless(line: str) -> str:
    """Break what begins commands in logs of CI systems: two colons at the beginning of a line, two number signs anywhere."""
    beginning = len(line) - len(line.lstrip())
    if line[beginning:].startswith("::"):
        line = f"{line[:beginning]}\\{line[beginning:]}"
    return line.replace("##", "#\\#")


#: What is printed in red: rows of groups that are worse off.
_WORSE = (RESULTS[0], HARM_FOUND, HIGHER, WORSE)


def show(report: Audit | MonitorReport | SampleReport | RankingReport) -> None:
    """Print what a report says of each group that may be shown, and its verdict.

    Parameters
    ----------
    report : Audit, MonitorReport, SampleReport or RankingReport
    """
    if isinstance(report, Audit):
        header, rows = group_table(report)
        state, n_groups = header.index(RESULT), len(report.sections[0].groups)
        verdict = _outcome(report)
        hidden = f"{len(report.suppressed)} group(s) {report.why_suppressed}" if report.suppressed else ""
    else:
        header, rows = report.table()
        state, n_groups, verdict = len(header) - 1, len(rows), report.verdict
        hidden = (
            f"{report.n_suppressed} group(s) of fewer than {report.min_group_size} people"
            if report.n_suppressed
            else ""
        )
    _show_table(header, rows, state)
    if (n_more := n_groups - len(rows)) > 0:
        say(f"and {n_more:,} more, with higher gains; a report by --json has all.")
    if hidden:
        say(f"{hidden} are not shown.")
    if isinstance(report, MonitorReport) and report.left_out:
        say(report.left_out)
    say(f"\n{verdict}")


def _outcome(audit: Audit) -> str:
    """Headline, lists and next steps of an audit, in lines."""
    lines = [audit.headline]
    for title, entries in audit.summary.lists.items():
        if entries:
            lines += ["", f"{title}:", *(f"  {entry}" for entry in entries)]
    if audit.envious:
        lines += ["", f"Would do better with another group's classifier: {audit.envious}."]
    if audit.next_steps:
        lines += ["", "Next:", *(f"  {step.title}. {step.text}" for step in audit.next_steps)]
    return "\n".join(lines)


def _show_table(header: list[str], rows: list[list[str]], state: int) -> None:
    """Print a table in which the cells of one column say who is worse off."""
    if not rows:
        return
    widths = widths_of([header, *rows])
    say(line_of(header, widths), bold=True)
    for row in rows:
        say(line_of(row, widths), fg="red" if row[state].split(":")[0] in _WORSE else None)


def _table(comparison: Comparison) -> tuple[list[str], list[tuple[list[str], str | None]]]:
    """Header, and for each method its cells and the colour of the last."""
    by_group = comparison.by_group
    groups = list(dict.fromkeys(by_group.index.get_level_values("group")))
    one_by_one = len(groups) <= _MOST_COLUMNS
    names = [group_name(group) for group in groups] if one_by_one else ["worst group"]
    rows: list[tuple[list[str], str | None]] = []
    unit = comparison.unit
    how_good = "accuracy" if "accuracy" in comparison.overall else "risk"
    for method, value in comparison.overall[how_good].items():
        cells = [str(method), share(value) if how_good == "accuracy" else unit.risk(value)]
        if method not in comparison.verdicts:
            rows.append(([*cells, *[""] * len(names), ""], None))
            continue
        part = by_group[by_group.index.get_level_values("method") == method].droplevel("method")
        if one_by_one:
            gains = [_gain(part.loc[group], unit) if group in part.index else "" for group in groups]
        else:
            worst: Any = part["gain"].idxmin()
            gains = [f"{group_name(worst)} {_gain(part.loc[worst], unit)}"]
        outcome = comparison.outcomes[str(method)]
        rows.append(([*cells, *gains, _said(outcome, part)], _COLOURS[outcome]))
    return ["method", how_good if how_good == "accuracy" else unit.risk_name, *names, ""], rows


def _gain(row: Any, unit: Unit) -> str:
    return f"{unit.gain(row['gain'])}{'*' if row['harmed'] else ' '}"


def _said(outcome: str, part: Any) -> str:
    """Say what comes of a method; its outcome is about groups that are too small to be shown, too."""
    if outcome == "harm":
        harmed = [group_name(group) for group in part.index[part["harmed"]]]
        return f"HARMS {', '.join(harmed) or 'a small group'}"
    if outcome == "unsure":
        unsure = (~part["certified"]).sum()
        return f"no harm found; not ruled out for {f'{unsure} of {len(part)} groups' if unsure else 'a small group'}"
    return "everybody gets the pooled prediction" if outcome == "pooled" else "no group loses: certified"


def sum_up(comparisons: Sequence[Comparison]) -> None:
    """Print in how many comparisons somebody was harmed, and what an empty list means.

    Parameters
    ----------
    comparisons : sequence of Comparison
    """
    outcomes = [outcome for comparison in comparisons for outcome in comparison.outcomes.values()]
    harmful = outcomes.count("harm")
    click.secho(
        f"In {harmful} of {len(outcomes)} comparisons some group is significantly worse off than with the pooled classifier.",
        bold=True,
    )
    click.echo(
        "Where none was found there may be too few people to see it: only what is certified rules it out.\n"
    )


def say_what_next(dataset: str, out: Any) -> None:
    """Print what to try next.

    Parameters
    ----------
    dataset : str
        A data set that could be found.
    out : Path
        Folder with the pictures.
    """
    command = _this_command()
    steps = {
        f"the pictures in {out}": "who gains, who loses, with intervals",
        f"{command} mitigators {dataset}": "whom do the parity mitigators of fairlearn and AIF360 harm?",
        f"{command} audit --help": "your own predictions, from a CSV or Parquet file",
        "notebooks/01_quickstart.ipynb": "the same in Python, step by step",
    }
    click.echo("\nNext:")
    for step, why in steps.items():
        click.echo(f"  {step.ljust(max(map(len, steps)))}  {why}")


def _this_command() -> str:
    """Give the way in which this program can be called again: by its name, or, where that is not on the path, by its file."""
    name = "fairlearn-fwh"
    started = Path(sys.argv[0])
    return name if shutil.which(name) or started.name != name else os.path.relpath(started)
