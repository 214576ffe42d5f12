"""Files of predictions, opened in an engine that reads them piece by piece."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..exceptions import MissingExtraError

ENGINES = ("auto", "duckdb", "polars")

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".csv.gz": "csv"}


def open_table(path: str | Path, engine: str = "auto") -> Any:
    r"""Open a CSV or Parquet file without reading it into memory.

    Parameters
    ----------
    path : path-like
        A file whose name ends in .csv, .csv.gz, .parquet or .pq.
    engine : {"auto", "duckdb", "polars"}
        What reads it; "auto" takes the first of the two that is installed.

    Returns
    -------
    DuckDB relation or polars LazyFrame
        For `PreferenceFrame.from_frame`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its name or its content is of no known format, or `engine` is unknown.
    MissingExtraError
        If the engine is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fairlearn_fwh.audit import open_table
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "predictions.csv"
    >>> _ = path.write_text("y,new,old\n1,1,0\n0,0,0\n")
    >>> frame = PreferenceFrame.from_frame(open_table(path), y_true="y", y_pred="new", y_pred_pooled="old")
    >>> float(frame.overall["rationality_gain"])
    0.5
    """
    path = Path(path)
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {list(ENGINES)}; got {engine!r}.")
    suffixes = [suffix for suffix in _FORMATS if path.name.lower().endswith(suffix)]
    if not suffixes:
        raise ValueError(f"{path.name} must end in one of {list(_FORMATS)}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty.")
    with engine_errors(path):
        return _opener(engine)(str(path), _FORMATS[suffixes[0]])


@contextmanager
def engine_errors(path: str | Path) -> Iterator[None]:
    """Turn an engine's own errors about a file into a ValueError."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("duckdb", "_duckdb", "polars", "builtins"):
            raise
        if isinstance(error, ValueError | OSError | TypeError | ImportError):
            raise
        first_line = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} cannot be read: {first_line}") from error


def _opener(engine: str) -> Callable[[str, str], Any]:
    for name in ENGINES[1:] if engine == "auto" else (engine,):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        return _open_in_duckdb if name == "duckdb" else _open_in_polars
    raise MissingExtraError.for_extra("Reading this file", "duckdb" if engine == "auto" else engine)


def _open_in_duckdb(path: str, form: str) -> Any:
    import duckdb

    return duckdb.read_parquet(path) if form == "parquet" else duckdb.read_csv(path)


def _open_in_polars(path: str, form: str) -> Any:
    import polars

    table = polars.scan_parquet(path) if form == "parquet" else polars.scan_csv(path)
    table.collect_schema()  # a file that is none is told at once
    return table
