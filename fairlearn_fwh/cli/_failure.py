"""A command that could not do its work."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ._status import FAILURE


class Failure(click.ClickException):
    """A command that could not do its work."""

    exit_code = FAILURE


def check_folder(out: Path) -> None:
    """Raise before anything is computed if the folder for results cannot be made."""
    nearest = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise Failure(f"--out: nothing can be written to {nearest}, which {out} needs.")
