"""Command line: ``fairlearn-fwh demo``, ``audit``, ``monitor``, ``mitigators`` and ``reproduce``."""

from __future__ import annotations

import os
import sys
from typing import Any

from ..exceptions import MissingExtraError

try:
    import click
    import tqdm  # noqa: F401
except ImportError:
    # The entry point makes status 2 of it.
    sys.exit(str(MissingExtraError.for_extra("The command fairlearn-fwh", "cli")))

from ._audit import audit
from ._demo import demo
from ._failure import Failure
from ._mitigators import mitigators
from ._monitor import monitor
from ._reports import mark_unusable
from ._reproduce import reproduce
from ._status import FAILURE


class _Commands(click.Group):
    """Says in one sentence which extra a command needs, and has no colours where nobody wants them (no-color.org)."""

    def invoke(self, context: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            context.color = False
        try:
            return super().invoke(context)
        except MissingExtraError as error:
            raise Failure(str(error)) from error


@click.group(cls=_Commands)
@click.version_option(package_name="fairlearn-fwh")
def main() -> None:
    """Fairness without harm: does each group do at least as well as with the pooled classifier?"""


for command in (demo, audit, monitor, mitigators, reproduce):
    main.add_command(command)


def run() -> int:
    """Run the command line; return its exit status, or leave with it."""
    stdout = sys.stdout
    try:
        main.main(standalone_mode=False)
    except SystemExit:
        if sys.stdout is not stdout:  # click found the pipe closed, for which it has status 1
            return FAILURE
        raise
    except click.Abort:
        click.echo("Aborted!", err=True)
        return FAILURE
    except click.ClickException as error:
        error.show()
        mark_unusable(sys.argv[1:])
        return FAILURE
    return 0
