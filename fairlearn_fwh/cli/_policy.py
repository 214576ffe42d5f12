"""What a policy file says, as options of the command; the command line overrides it."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..audit._policy import Policy, find_policy, read_policy

#: Options that may be given several times.
_MULTIPLE = ("pos-label", "null", "cost")

#: What is asked, and of whom; each has a default that would be used in silence.
_ASKED = (
    "loss", "pos-label", "loss-limit", "tolerance", "harm-margin", "alpha", "fail-on", "sensitive", "margins", "unit", "weight", "min-group-size",
)  # fmt: skip

#: Lists of columns that mean the same in any order.
_IN_ANY_ORDER = ("sensitive", "unit")


def use_policy(context: click.Context, parameter: click.Parameter, value: Path | None) -> Policy:
    """Read the policy that is named, or that of the folder; its settings become the defaults of options."""
    try:
        if context.params.get("no_policy"):
            if value is not None:
                raise ValueError("--policy and --no-policy contradict each other; give one of them.")
            return Policy()
        policy = find_policy() if value is None else read_policy(value)
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    context.default_map = {
        **(context.default_map or {}),
        **{_name(key): _as_option(key, setting) for key, setting in policy.settings.items()},
    }
    return policy


def warn_of_other_questions(used: Mapping[str, Any]) -> None:
    """Warn where the project's policy asks otherwise than a command that does not read it.

    Parameters
    ----------
    used : mapping from str to object
        What the command asks, by the names of its options.
    """
    try:
        policy = find_policy()
    except (OSError, ValueError):  # audits say what is wrong with it
        return
    there = {key: _as_option(key, policy.settings[key]) for key in _ASKED if key in policy.settings}
    here = {key: _as_option(key, used[_name(key)]) for key in there}
    if there.get("loss") == "error":
        there["loss"] = "zero_one"
    if other := [key for key in there if _compared(key, there[key]) != _compared(key, here[key])]:
        named = ", ".join(f"{key} is {there[key]!r} there and {here[key]!r} here" for key in other)
        warnings.warn(
            f"the policy in {policy.file} is for audits, and asks something else: {named}. Give as options what should hold here, too.",
            stacklevel=2,
        )


def _compared(key: str, option: Any) -> Any:
    return sorted(next(csv.reader([option]))) if key in _IN_ANY_ORDER and option else option


def _name(key: str) -> str:
    return key.replace("-", "_")


def _as_option(key: str, setting: Any) -> Any:
    """A setting as click takes it: names in one text, separated by commas."""
    if key in _MULTIPLE:
        return [setting] if isinstance(setting, str) else setting
    if isinstance(setting, list):
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(setting)
        return text.getvalue()
    return setting


POLICY = (
    click.option(
        "--no-policy", is_flag=True, is_eager=True, help="Leave aside the policy in pyproject.toml."
    ),
    click.option(
        "--policy",
        type=click.Path(dir_okay=False, path_type=Path),
        is_eager=True,
        callback=use_policy,
        help="TOML file with settings; by default pyproject.toml here, or above in the repository, if it has a table [tool.fairlearn-fwh.audit]. Options override it.",
    ),
)
