"""Files that a monitor has seen: none counts twice, and none as the beginning of another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Bytes that are read at a time.
_CHUNK = 1 << 20


def check_new_file(path: Path, known: Mapping[str, Any], *, has_units: bool) -> dict[str, Any]:
    """Look whether a file was added before, by itself or as the beginning of this one.

    Parameters
    ----------
    path : Path
    known : mapping from str to dict
        `name` and `size` in bytes of earlier files, by their SHA-256 sums.
    has_units : bool
        Whether rows of people who were seen before are left out, so that a file may begin with earlier ones.

    Returns
    -------
    dict from str to dict
        The file as `known` has it.

    Raises
    ------
    ValueError
        If it was added before.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist, or is not a file.")
    sizes = sorted({entry["size"] for entry in known.values()})
    *beginnings, (size, digest) = _digests(path, sizes)
    if digest in known:
        raise ValueError(f"{path} was added before, as {known[digest]['name']!r}; a look counts once.")
    for length, beginning in beginnings:
        if beginning in known and known[beginning]["size"] == length and not has_units:
            raise ValueError(
                f"{path} begins with all of {known[beginning]['name']!r}, whose people would count twice. Give the new rows alone, or start with --unit, "
                "which leaves out rows of people who were seen before."
            )
    return {digest: {"name": path.name, "size": size}}


def _digests(path: Path, sizes: list[int]) -> list[tuple[int, str]]:
    """SHA-256 sums of the beginnings of these sizes, in ascending order, and of the whole file."""
    sums, read, digest = [], 0, hashlib.sha256()
    with path.open("rb") as file:
        for size in sizes:
            while read < size and (chunk := file.read(min(_CHUNK, size - read))):
                digest.update(chunk)
                read += len(chunk)
            if read < size:
                break
            sums.append((size, digest.hexdigest()))
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            read += len(chunk)
    return [*sums, (read, digest.hexdigest())]
