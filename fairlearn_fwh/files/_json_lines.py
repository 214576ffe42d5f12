"""JSON lines as columns of text: numbers as spelled, so that no reader guesses a type."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..exceptions import MissingExtraError
from ._bytes import open_bytes

_CHUNK = 50_000


class Held:
    """A folder that is there as long as this object."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="fairlearn_fwh_"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def as_text_table(path: Path) -> tuple[Held, Path, list[str], int]:
    """Write the records of a file as a Parquet file of text columns.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Held
        Holds the file.
    Path
        The file, whose columns are numbered.
    list of str
        Their names.
    int
        Number of rows.

    Raises
    ------
    ValueError
        If a line is not a JSON object, repeats a name, or has a value that is not text, number, boolean or null.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError.for_extra("Reading JSON lines", "duckdb") from error
    names = _names(path)
    if not names:
        raise ValueError(f"{path.name} has no records.")
    held = Held()
    target = held.path / "records.parquet"
    schema = pa.schema([(f"column_{i}", pa.string()) for i in range(len(names))])
    n_rows = 0
    with parquet.ParquetWriter(target, schema) as writer:
        for records in _chunks(path):
            n_rows += len(records)
            columns = [pa.array([record.get(name) for record in records], pa.string()) for name in names]
            writer.write_table(pa.table(columns, schema=schema))
    return held, target, names, n_rows


def _names(path: Path) -> list[str]:
    """Names of all columns, in order of appearance."""
    names: dict[str, None] = {}
    for records in _chunks(path):
        for record in records:
            if len(record) > len(names) or not names.keys() >= record.keys():
                names |= dict.fromkeys(record)
    return list(names)


def numbered_records(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Read a file record by record: its line, counted from 1, and its values as text."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            yield number, _record(line, f"{path.name}, line {number}")


def _chunks(path: Path) -> Iterator[list[dict[str, str | None]]]:
    chunk: list[dict[str, str | None]] = []
    for _, record in numbered_records(path):
        chunk.append(record)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _record(line: bytes, where: str) -> dict[str, str | None]:
    def constant(text: str) -> str:
        raise ValueError(f"{where} has {text}, which is not JSON; write null, or leave the record out.")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in items}) < len(items):
            raise ValueError(f"{where} has a name twice.")
        return dict(items)

    try:
        record = json.loads(
            line.decode("utf-8"),
            parse_int=str,
            parse_float=str,
            parse_constant=constant,
            object_pairs_hook=pairs,
        )
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        begins = line.startswith(b"\xef\xbb\xbf")
        why = (
            "the file begins with a byte order mark; write it without"
            if begins
            else error
            if line.strip()
            else "it is blank"
        )
        raise ValueError(f"{where} is not a JSON object ({why}).") from error
    if not isinstance(record, dict):
        raise ValueError(f"{where} is not a JSON object.")
    return {name: _as_text(value, f"{where}, {name!r}") for name, value in record.items()}


def _as_text(value: Any, where: str) -> str | None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{where} has half of a character ({error.reason}).") from error
        return value
    if value is None:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueError(f"{where} is a list or an object; write one value.")
