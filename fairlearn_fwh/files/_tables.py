"""Files of predictions, opened in an engine that reads them piece by piece, with every guess of the engine off."""

from __future__ import annotations

import functools
import importlib
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..exceptions import MissingExtraError
from ._bytes import check_content, is_gzip
from ._dialect import Dialect
from ._form import check_form
from ._json_lines import as_text_table

ENGINES = ("auto", "duckdb", "polars")

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    **dict.fromkeys((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"), "json lines"),
}


@dataclass(frozen=True)
class OpenFile:
    """A file that an engine can read.

    Attributes
    ----------
    path : Path
    table : DuckDB relation or polars LazyFrame
        Of CSV files and JSON lines all columns are text, and their names are numbered; of a Parquet file they are as in the file.
    names : list of str
        Names of the columns, as the file has them.
    n_rows : int or None
        Number of rows of a file without types.
    held : object
        What has to live as long as the table is read.
    """

    path: Path
    table: Any
    names: list[str]
    n_rows: int | None
    held: Any = None

    @property
    def is_text(self) -> bool:
        """Whether the file has no types."""
        return self.n_rows is not None

    @property
    def is_json_lines(self) -> bool:
        """Whether the file is one of JSON lines."""
        return any(
            self.path.name.lower().endswith(end) for end, form in _FORMATS.items() if form == "json lines"
        )


def open_table(path: str | Path, engine: str = "auto", *, dialect: Dialect | None = None) -> Any:
    r"""Open a file of CSV, Parquet or JSON lines; CSV and Parquet are not read into memory.

    Parameters
    ----------
    path : path-like
        A file whose name ends in .csv, .csv.gz, .parquet, .pq, .jsonl, .ndjson, .jsonl.gz or .ndjson.gz. The very file of this name is read: brackets, stars and folders named
        ``key=value`` mean nothing.
    engine : {"auto", "duckdb", "polars"}
        What reads it; "auto" takes the first of the two that is installed.
    dialect : Dialect, optional
        How a CSV file is written; by default RFC 4180.

    Returns
    -------
    DuckDB relation or polars LazyFrame
        For `PreferenceFrame.from_frame`. The columns of a CSV file are text, as spelled; `measure_file` reads numbers where they are needed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its name or its content is of no known format, it breaks a rule of the dialect, two columns have one name (or differ in capitals
        alone, which DuckDB does not tell apart), or `engine` is unknown.
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
    import narwhals as nw

    file = open_file(path, engine, dialect or Dialect())
    check_names(file.names, file.names, path)
    if not file.is_text:
        return file.table
    table = nw.from_native(file.table)
    numbered = table.collect_schema().names()
    nulls = (dialect or Dialect()).null
    if file.held is not None:
        table = _in_memory(table)
    return table.select(
        *(present(number, nulls).alias(name) for name, number in zip(file.names, numbered, strict=True))
    ).to_native()


def _in_memory(table: Any) -> Any:
    """Records of a file that is written down only as long as it is read."""
    from ..metrics._engines._rows import collect

    return collect(table).lazy("duckdb" if "duckdb" in str(table.implementation).lower() else "polars")


def present(name: str, nulls: tuple[str, ...]) -> Any:
    """Values of a column of text, missing where they are empty or one of `nulls`."""
    import narwhals as nw

    column = nw.col(name)
    is_there = functools.reduce(operator.and_, (column != text for text in ("", *nulls)))
    return nw.when(is_there).then(column)


def open_file(path: str | Path, engine: str, dialect: Dialect) -> OpenFile:
    """Open a file as `open_table` does, with numbered names for text.

    Parameters
    ----------
    path : path-like
    engine : {"auto", "duckdb", "polars"}
    dialect : Dialect

    Returns
    -------
    OpenFile
    """
    path = Path(path)
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {list(ENGINES)}; got {engine!r}.")
    suffixes = [suffix for suffix in _FORMATS if path.name.lower().endswith(suffix)]
    if not suffixes:
        raise ValueError(f"{path.name} must end in one of {list(_FORMATS)}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    # An absolute path cannot be taken for an address or an option.
    absolute, form = path.absolute(), _FORMATS[suffixes[0]]
    check_content(absolute, form)
    if "\\" in str(absolute) and any(character in str(absolute) for character in "*?["):
        raise ValueError(
            f"{path}: rename the file; DuckDB cannot open a name with a backslash beside * ? or [."
        )
    name = _available_engine(engine)
    if form == "csv":
        names = dialect.header(absolute)
        n_rows = check_form(absolute, dialect, len(names))
        with engine_errors(path):
            table = _READERS[name][0](absolute, dialect, len(names))
        return OpenFile(path, table, names, n_rows)
    if form == "json lines":
        held, written, names, n_rows = as_text_table(absolute)
        with engine_errors(path):
            table, _ = _READERS[name][1](written)
        return OpenFile(path, table, names, n_rows, held)
    with engine_errors(path):
        table, names = _READERS[name][1](absolute)
    return OpenFile(path, table, names, None)


def check_names(used: list[str], names: list[str], path: str | Path) -> None:
    """Raise ValueError if a column's name belongs to another column, too, or differs from another's in capitals alone.

    Parameters
    ----------
    used : list of str
        Names of the columns that are asked for.
    names : list of str
        Names of all columns.
    path : path-like
    """
    for name in used:
        if names.count(name) > 1:
            raise ValueError(
                f"{Path(path).name} has {names.count(name)} columns named {name!r}; rename all but one."
            )
        if alike := [other for other in names if other != name and other.lower() == name.lower()]:
            raise ValueError(
                f"{Path(path).name} has columns {name!r} and {alike[0]!r}, which differ in capitals alone; rename one of them."
            )


def hide_progress() -> None:
    """Keep DuckDB 2 from writing a bar to stdout during long queries, also where that is a file or a pipe."""
    try:
        import duckdb
    except ImportError:
        return
    duckdb.default_connection().execute("SET enable_progress_bar = false")


@contextmanager
def engine_errors(path: str | Path) -> Iterator[None]:
    """Turn an engine's own errors about a file into a ValueError, also those that are not exceptions of Python's."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        if type(error).__module__.split(".")[0] not in ("duckdb", "_duckdb", "polars", "pyo3_runtime"):
            raise
        if isinstance(error, ValueError | OSError | TypeError | ImportError):
            raise
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} cannot be read: {first_line}") from error


def _available_engine(engine: str) -> str:
    for name in ENGINES[1:] if engine == "auto" else (engine,):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        return name
    raise MissingExtraError.for_extra("Reading this file", "duckdb" if engine == "auto" else engine)


def _numbered(n: int) -> list[str]:
    return [f"column_{i}" for i in range(n)]


def _as_literal(path: Path) -> str:
    """Write a path so that DuckDB takes no part of it for a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))


def _csv_in_duckdb(path: Path, dialect: Dialect, n_columns: int) -> Any:
    import duckdb

    return duckdb.read_csv(
        _as_literal(path),
        auto_detect=False,
        header=True,
        columns=dict.fromkeys(_numbered(n_columns), "VARCHAR"),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.quote,
        comment="",
        compression="gzip" if is_gzip(path) else "none",
        hive_partitioning=False,
        ignore_errors=False,
        null_padding=False,
        # What strict mode refuses was refused before, but for line ends of both kinds, which it cannot read.
        strict_mode=False,
    )


def _csv_in_polars(path: Path, dialect: Dialect, n_columns: int) -> Any:
    import polars

    return polars.scan_csv(
        path,
        separator=dialect.delimiter,
        quote_char=dialect.quote,
        with_column_names=lambda _: _numbered(n_columns),
        infer_schema=False,
        comment_prefix=None,
        try_parse_dates=False,
        ignore_errors=False,
        glob=False,
    )


def _parquet_in_duckdb(path: Path) -> tuple[Any, list[str]]:
    import duckdb
    from pyarrow import parquet

    relation = duckdb.read_parquet(_as_literal(path), hive_partitioning=False)
    return relation, list(parquet.read_schema(path).names)


def _parquet_in_polars(path: Path) -> tuple[Any, list[str]]:
    import polars

    table = polars.scan_parquet(path, glob=False, hive_partitioning=False)
    return table, list(table.collect_schema().names())  # a file that is none is told at once


_READERS: dict[str, tuple[Any, Any]] = {
    "duckdb": (_csv_in_duckdb, _parquet_in_duckdb),
    "polars": (_csv_in_polars, _parquet_in_polars),
}
