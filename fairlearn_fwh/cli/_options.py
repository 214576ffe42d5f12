"""Options that several commands have: columns, what is judged, how files are read, reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..audit._status import FAIL_ON, REQUIREMENTS
from ..files import ENGINES, Dialect
from ..metrics._core._losses import LOSSES
from ._columns import character, not_empty, several

Decorator = Callable[[Any], Any]

#: Who is compared, and by what.
WEIGHT = click.option("--weight", callback=not_empty, help="Column with weights.")
Y_PRED = click.option(
    "--y-pred", callback=not_empty, help="Column with what people got; not needed with --by-group."
)
MARGINS = click.option(
    "--margins",
    is_flag=True,
    help="Audit each column of --sensitive by itself as well, in one family with the intersections.",
)
_LOSS_LIMIT = click.option(
    "--loss-limit",
    type=float,
    help="Cut off losses at this value; log, squared, absolute and pinball need it.",
)
#: For a command that judges one loss.
LOSS = (
    click.option("--loss", type=click.Choice(list(LOSSES)), default="zero_one", show_default=True),
    click.option(
        "--pos-label",
        callback=not_empty,
        help="The positive label as spelled, for missed and false_alarm; the favourable one for rejection.",
    ),
    _LOSS_LIMIT,
)
#: For a command that judges several.
SEVERAL_LOSSES = (
    click.option(
        "--loss",
        callback=several,
        default="zero_one",
        show_default=True,
        metavar="LOSS[,LOSS...]",
        help=f"One or several, judged together: error, misclassification, {', '.join(LOSSES)}; NAME=LOSS gives a name.",
    ),
    click.option(
        "--pos-label",
        multiple=True,
        metavar="[LOSS=]LABEL",
        help="The positive label as spelled, for missed and false_alarm; the favourable one for rejection. With LOSS= for one of several losses.",
    ),
    click.option(
        "--cost",
        type=(str, str, float),
        multiple=True,
        metavar="TRUTH PREDICTED COST",
        help="What a wrong decision costs, for misclassification: --cost bad good 5 --cost good bad 1.",
    ),
    _LOSS_LIMIT,
)

#: What counts as harm, and how sure one wants to be.
JUDGING = (
    click.option(
        "--tolerance", type=float, default=0.01, show_default=True, help="Largest loss that counts as none."
    ),
    click.option(
        "--harm-margin", type=float, default=0.0, show_default=True, help="Loss that is not yet called harm."
    ),
    click.option("--alpha", type=float, default=0.05, show_default=True, help="One minus the confidence."),
)

#: What is said, and when the exit status is 0.
SAYING = (
    click.option(
        "--min-group-size",
        type=click.IntRange(min=1),
        default=10,
        show_default=True,
        help="Smaller groups are tested, but not shown.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(FAIL_ON),
        help="What to fail on: harm (the default), undecided (harm, or that it is not ruled out), envy (harm, or envy).",
    ),
    click.option(
        "--require", type=click.Choice(list(REQUIREMENTS)), help="certified is --fail-on undecided."
    ),
)

#: How files are read.
READING = (
    click.option(
        "--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="What reads the file."
    ),
    click.option(
        "--labels",
        callback=several,
        help="All labels that there are, as spelled: 0,1. Settles which labels belong together.",
    ),
    click.option(
        "--delimiter",
        default=",",
        show_default=True,
        help="Character between fields of a CSV file; tab for a tab.",
    ),
    click.option("--quote", default='"', show_default=True, help="Character around fields of a CSV file."),
    click.option(
        "--null", multiple=True, help="Text that means a missing value beside the empty one; may be repeated."
    ),
)

#: Where reports go.
REPORTS = (
    click.option(
        "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report to this file."
    ),
    click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the result to this file.",
    ),
)


#: More files, for audits.
MORE_REPORTS = (
    click.option(
        "--junit",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write JUnit XML to this file: a test for each group and loss.",
    ),
    click.option(
        "--markdown",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a summary to this file, for the comment of a pull request.",
    ),
)


def read_reading(options: dict[str, Any]) -> dict[str, Any]:
    """Columns that every audit reads, and how, as parameters of `measure_file` and `rank_file`."""
    return {
        "y_true": options["y_true"],
        "sensitive_features": options["sensitive"],
        "engine": options["engine"],
        "dialect": Dialect(
            delimiter=character(options["delimiter"]), quote=options["quote"], null=tuple(options["null"])
        ),
    }


def refuse(options: dict[str, Any], why: str) -> None:
    """Raise ValueError if one of these options has a value.

    Parameters
    ----------
    options : dict from option to value
    why : str
        What the options do not apply to.
    """
    if given := [option for option, value in options.items() if value]:
        raise ValueError(f"{given[0]} does not apply to {why}; leave it out.")


def read_fail_on(fail_on: str | None, require: str | None) -> str:
    """What to fail on, by either of the two options.

    Raises
    ------
    ValueError
        If both are given.
    """
    if fail_on is not None and require is not None:
        raise ValueError("--fail-on and --require say the same in two ways; give one of them.")
    return fail_on or REQUIREMENTS[require or "no-harm"]


def with_options(*options: Decorator) -> Decorator:
    """Give a command options, in this order."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
