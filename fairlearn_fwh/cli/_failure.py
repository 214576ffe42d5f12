"""A command that could not do its work."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import click

from ..files._tables import hide_progress
from ..metrics._core._names import printable
from ._columns import in_options
from ._status import FAILURE
from ._terminal import say


class Failure(click.ClickException):
    """A command that could not do its work."""

    exit_code = FAILURE


def check_folder(out: Path) -> None:
    """Raise before anything is computed if the folder for results cannot be made."""
    nearest = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise Failure(f"--out: nothing can be written to {nearest}, which {out} needs.")


@contextlib.contextmanager
def status_of_failures() -> Iterator[None]:
    """Exit with the status of failures, and say why, whatever goes wrong: any other status would tell that there is, or is no, harm."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        say(f"Error: {printable(in_options(str(error))) or type(error).__name__}", err=True)
        sys.exit(FAILURE)


@contextlib.contextmanager
def said_warnings() -> Iterator[None]:
    """Say each warning once, in terms of options, when all is done; what engines say of themselves is not part of a report."""
    hide_progress()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for message in dict.fromkeys(in_options(str(warning.message)) for warning in caught):
        say(f"Warning: {message}", err=True)
