"""What a file holds, by its content: names say nothing of it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

_GZIP = b"\x1f\x8b"

_OTHERS = {
    b"PAR1": "is a Parquet file; name it .parquet",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; unpack it, or use gzip",
    b"BZh": "is compressed by bzip2; unpack it, or use gzip",
    b"\xfd7zXZ": "is compressed by xz; unpack it, or use gzip",
    b"PK\x03\x04": "is a ZIP archive (as spreadsheets are); save it as CSV",
    b"\xff\xfe": "is in UTF-16; write it in UTF-8",
    b"\xfe\xff": "is in UTF-16; write it in UTF-8",
}


def is_gzip(path: Path) -> bool:
    """Whether a file begins like gzip."""
    return _first_bytes(path).startswith(_GZIP)


def open_bytes(path: Path) -> Any:
    """Open a file that may be compressed by gzip."""
    return gzip.open(path, "rb") if is_gzip(path) else path.open("rb")


def check_content(path: Path, form: str) -> None:
    """Raise ValueError if a file's content is not what its name says.

    Parameters
    ----------
    path : Path
    form : {"csv", "parquet", "json lines"}
    """
    beginning = _first_bytes(path)
    if not beginning:
        raise ValueError(f"{path} is empty.")
    if form == "parquet":
        if not beginning.startswith(b"PAR1"):
            raise ValueError(f"{path} cannot be read: it is not a Parquet file, or it is cut off.")
        return
    for magic, what in _OTHERS.items():
        if beginning.startswith(magic):
            raise ValueError(
                f"{path} cannot be read as {form.replace('csv', 'CSV').replace('json', 'JSON')}: it {what}."
            )


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)
