"""The command ``fairlearn-fwh``: whatever goes wrong is exit status 2, so that 1 means harm and nothing else.

Nothing is imported here but the standard library, so that a library that is missing or broken is a failure like any other.
"""

from __future__ import annotations

import contextlib
import os
import sys

from ._status import FAILURE


def main() -> None:
    """Run the command line, and exit with its status."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is None:
                raise OSError("there is nowhere to write to: standard output or standard error is closed")
            if hasattr(stream, "reconfigure"):  # a name that the terminal cannot show stops nobody
                stream.reconfigure(errors="backslashreplace")
        from ._main import run

        status = run()
        sys.stdout.flush()
    except SystemExit as leave:
        status = _status(leave)
    except BaseException as error:
        status = FAILURE
        _tell(f"Error: {' '.join(str(error).split()) or type(error).__name__}")
    sys.exit(_flushed(status))


def _status(leave: SystemExit) -> int:
    if leave.code is None or isinstance(leave.code, int):
        return leave.code or 0
    _tell(str(leave.code))
    return FAILURE


def _tell(message: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # then nobody can be told
        sys.stderr.write(f"{message}\n")


def _flushed(status: int) -> int:
    """Write out what was said; what cannot be written is a failure, also where Python would find that out only after this."""
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError) as error:
            status = FAILURE
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            if descriptor == 1:
                _tell(f"Error: standard output cannot be written: {error}")
    return status


if __name__ == "__main__":
    main()
