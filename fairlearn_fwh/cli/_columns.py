"""How the command line names columns, files and characters; what it refuses, and how it calls arguments in messages."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..audit._policy import Policy
from ..audit._writing import check_outputs


def several(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """Split names at commas; a name that has one stands in double quotes."""
    if value is None:
        return None
    try:
        names = next(csv.reader([value], strict=True), [])
    except csv.Error as error:
        raise click.BadParameter(
            f"{value!r} cannot be read as names separated by commas ({error}); put a name that has a comma or a quote in quotes",
            context,
            parameter,
        ) from error
    if not names or "" in names:
        raise click.BadParameter("a name is empty", context, parameter)
    return names


def not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value == "":
        raise click.BadParameter("the name is empty", context, parameter)
    return value


class EachOnce(click.Command):
    """Refuses an option that is given twice: of two values the first would be dropped without a word."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse arguments, of which each is given once."""
        once = {
            name for option in self.params if not getattr(option, "multiple", False) for name in option.opts
        }
        given = [argument.split("=", 1)[0] for argument in args]
        for name in once:
            if given.count(name) > 1:
                raise click.UsageError(
                    f"{name} is given more than once; give it once (several columns are named in one, separated by commas)."
                )
        return super().parse_args(context, args)


def given(option: str) -> bool:
    """Whether an option of the command that runs was given."""
    return click.get_current_context().get_parameter_source(option) == click.core.ParameterSource.COMMANDLINE


def overridden(policy: Policy) -> Policy:
    """A policy without the settings in whose place the command line has others; labels and costs are about the policy's own losses."""
    about_losses = ("pos-label", "cost") if given("loss") else ()
    return policy.without(
        [key for key in policy.settings if given(key.replace("-", "_")) or key in about_losses]
    )


def of_policy(option: str) -> bool:
    """Whether an option of the command that runs has what a policy says."""
    return click.get_current_context().get_parameter_source(option) == click.core.ParameterSource.DEFAULT_MAP


def labelled(names: list[str] | None) -> dict[Any, str] | None:
    """Read ``label=column`` or ``column``, which is its own label."""
    if names is None:
        return None
    pairs = [(label, column or label) for label, _, column in (name.partition("=") for name in names)]
    labels = [label for label, _ in pairs]
    if repeated := [label for label in labels if labels.count(label) > 1]:
        raise ValueError(f"--by-group names the group {repeated[0]!r} more than once.")
    return dict(pairs)


def check_paths(*inputs: Path | None, outputs: Sequence[Path | None]) -> None:
    """Raise ValueError rather than write one file over another."""
    paths = [path.resolve() for path in (*inputs, *outputs) if path is not None]
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise ValueError(
            f"{twice[0]} is named twice; what is read and what is written must all be different files."
        )
    check_outputs([path for path in outputs if path is not None])


def character(delimiter: str) -> str:
    return "\t" if delimiter in ("tab", "\\t") else delimiter


def in_options(message: str) -> str:
    """Name options instead of the arguments of `PreferenceFrame.from_frame`, but for columns of that name, which stand in quotes."""
    names = "|".join(_ARGUMENTS)
    return re.sub(rf"(?<![\w'\"])({names})(?![\w'\"])", lambda found: _ARGUMENTS[found[0]], message)


#: The longer names first.
_ARGUMENTS = {
    "y_pred_by_group": "--by-group",
    "y_pred_pooled": "--pooled",
    "y_pred": "--y-pred",
    "y_true": "--y-true",
    "sensitive_features": "--sensitive",
    "sample_weight": "--weight",
    "min_group_size": "--min-group-size",
    "loss_limit": "--loss-limit",
    "pos_label": "--pos-label",
    "units": "--unit",
}
