"""Reports on disk: whole or not at all, and never in place of what is not a report."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import IO


def check_outputs(paths: list[Path]) -> None:
    """Raise ValueError before anything is computed if a file cannot be written in place of what is there.

    Parameters
    ----------
    paths : list of Path
        Files that may exist: pipes, devices, links and folders are not files.

    Raises
    ------
    ValueError
    """
    for path in paths:
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            nearest = next(folder for folder in path.absolute().parents if folder.exists())
            if not nearest.is_dir() or not os.access(nearest, os.W_OK):
                raise ValueError(
                    f"{path} cannot be written: {nearest} is not a folder that can be written to."
                ) from None
            continue
        except OSError as error:
            raise ValueError(f"{path} cannot be written: {error.strerror}.") from error
        if not stat.S_ISREG(mode):
            kind = "link" if stat.S_ISLNK(mode) else "folder" if stat.S_ISDIR(mode) else "pipe or device"
            raise ValueError(f"{path} is a {kind}; name a regular file, or one that does not exist yet.")


def write_files(texts: dict[Path, str]) -> None:
    """Write files, all of them whole or none; the last one last.

    A file that exists keeps its permissions, a new one gets those that the umask leaves.

    Parameters
    ----------
    texts : dict from Path to str

    Raises
    ------
    ValueError
        As `check_outputs`.
    OSError
        If a file cannot be written.
    """
    check_outputs(list(texts))
    temporary: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path] = path.parent / f".{path.name}.{secrets.token_hex(4)}"
            with _new_file(temporary[path], path) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for path, name in temporary.items():
            os.replace(name, path)
    finally:
        for name in temporary.values():
            name.unlink(missing_ok=True)


def _new_file(name: Path, in_place_of: Path) -> IO[str]:
    """Open a new file that has the permissions of another from the first byte on."""
    exists = in_place_of.exists()
    mode = stat.S_IMODE(os.stat(in_place_of).st_mode) if exists else 0o666
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if exists else mode)
    if exists:
        os.fchmod(descriptor, mode)
    return os.fdopen(descriptor, "w", encoding="utf-8")
