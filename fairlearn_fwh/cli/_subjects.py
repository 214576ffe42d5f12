"""What an audit on the command line is about, and how to repeat it."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import Any

from ..audit._subject import Subject

#: Options that say where reports go, or where settings come from, and are left out of the command that repeats an audit.
_OUTPUTS = ("--html", "--json", "--junit", "--markdown")


def subject_of(
    predictions: Path,
    baseline: Path | None,
    *,
    y_true: str,
    own: str | None,
    pooled: str,
    policy: dict[str, Any],
) -> Subject:
    """Name what is compared by columns, and by files where both columns have one name.

    Parameters
    ----------
    predictions : Path
    baseline : Path or None
        Where `pooled` is, if it is in another file.
    y_true, own, pooled : str
        Columns; `own` is None where each person's group says what that person got.
    policy : dict
        What the policy says.
    """
    own = "the own classifier of each group" if own is None else own
    if baseline is not None and own == pooled:
        own, pooled = f"{own} of {predictions.name}", f"{pooled} of {baseline.name}"
    return Subject(
        own=own,
        pooled=pooled,
        y_true=y_true,
        source=predictions.name,
        baseline="" if baseline is None else baseline.name,
        command=_this_command(),
        date=datetime.date.today().isoformat(),
        policy=policy,
    )


def _this_command() -> str:
    """The command line without the files that it writes; folders are left out, which may have a person's name."""
    arguments, kept, skip = sys.argv[1:], [], False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _OUTPUTS:
            skip = True
        elif not argument.startswith(tuple(f"{name}=" for name in _OUTPUTS)):
            kept.append(Path(argument).name if "/" in argument and Path(argument).is_file() else argument)
    return shlex.join(["fairlearn-fwh", *kept]) if "audit" in kept[:1] else ""
