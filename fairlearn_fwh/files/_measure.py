"""A file of predictions as a preference frame: each column is read as its role needs it, and nothing else decides."""

from __future__ import annotations

import contextlib
import csv
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import narwhals as nw

from ..exceptions import UnitsWarning, UnreadableValueError
from ..metrics import PreferenceFrame
from ..metrics._core._losses import Loss
from ..metrics._core._named_losses import resolve_losses
from ..metrics._core._proxies import hint_at_proxies
from ..metrics._core._unit_hashes import UnitHashes, read_key
from ..metrics._engines._columns import Columns, check_columns
from ..metrics._engines._rows import NUMBER, FileColumns, collect, in_numbers
from ..metrics._engines._seen_units import without_seen
from ..metrics._engines._several_losses import measure_losses_lazily
from ..metrics._engines._unit_names import is_named_like_units, likely_units, people_may_come_again
from ..metrics._inference._bootstrap import BootstrapSettings
from ._dialect import Dialect
from ._joining import Joined, join_files
from ._json_lines import numbered_records
from ._tables import OpenFile, check_names, engine_errors, open_file, present

_CI_QUANTILES = (0.025, 0.975)


def measure_file(
    path: str | Path,
    *,
    y_true: str,
    y_pred_pooled: str,
    y_pred: str | None = None,
    y_pred_by_group: Sequence[str] | Mapping[Any, str] | None = None,
    groups: str | Sequence[str] | None = None,
    sensitive_features: str | Sequence[str] | None = None,
    control_features: str | Sequence[str] | None = None,
    sample_weight: str | None = None,
    loss: Any = "zero_one",
    labels: Sequence[Any] | None = None,
    engine: str = "auto",
    dialect: Dialect | None = None,
    max_cells: int = 100_000,
    loss_limit: float | None = None,
    units: str | Sequence[str] | None = None,
    unit_key: str | bytes | None = None,
    pos_label: Any = None,
    baseline: str | Path | None = None,
    on: str | Sequence[str] | None = None,
    allow_unmatched: bool = False,
) -> PreferenceFrame:
    r"""Measure a file of CSV, Parquet or JSON lines, or two of them, without reading it into memory.

    What a column is for decides how it is read, never a part of the file: groups are text, as spelled (``01`` and ``1`` are two groups);
    labels are numbers if all labels of the truth and of all predictions are, else text as spelled; weights, probabilities, decisions and
    values must be numbers throughout. Both engines give the same figures.

    Parameters
    ----------
    path : path-like
        As for `open_table`.
    y_true, y_pred_pooled, y_pred : str
        Names of columns; see `PreferenceFrame`.
    y_pred_by_group : list of str, or dict from label to str, optional
        Columns with the predictions of every group's classifier; the labels are those of the groups, as spelled.
    groups, sensitive_features, control_features : str or list of str, optional
        Names of columns; several make an intersection. In Parquet files text, integers, booleans or dates.
    sample_weight : str, optional
        Name of a column; see `PreferenceFrame`.
    loss : str, `MisclassificationCost`, or several by name
        As for `PreferenceFrame`; labels of costs as spelled in the file.
    labels : sequence of labels, optional
        All labels that there are, as spelled in the file.
    engine : {"auto", "duckdb", "polars"}
        What reads the file.
    dialect : Dialect, optional
        How a CSV file is written; by default RFC 4180.
    max_cells : int
        As for `PreferenceFrame.from_frame`.
    loss_limit : float, optional
        As for `PreferenceFrame`.
    units : str or list of str, optional
        Column that says whose rows belong together, read like groups.
    unit_key, pos_label : optional
        As for `PreferenceFrame`; the label as spelled in the file.
    baseline : path-like, optional
        File that has `y_pred_pooled`, if it is another one; the two are joined by `on`. Other columns may be in either, or in both with the same
        values. Both files may be of any format.
    on : str or sequence of str, optional
        Columns of both files that say which rows are about one person or case. Each combination comes once.
    allow_unmatched : bool
        Whether rows whose key is missing, or not in the other file, are left out with a warning. By default they are refused.

    Returns
    -------
    PreferenceFrame

    Raises
    ------
    FileNotFoundError, MissingExtraError
        As for `open_table`.
    TypeError
        If `dialect` is no `Dialect`.
    UnreadableValueError
        If a value is missing or no number where there must be one; the message names column, line and value.
    ValueError
        If the file breaks a rule of the dialect, a column does not exist or has two roles that exclude each other, or as for
        `PreferenceFrame.from_frame`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fairlearn_fwh.files import measure_file
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "predictions.csv"
    >>> _ = path.write_text("y,new,old,code\n1,1,0,01\n0,0,0,1\n")
    >>> frame = measure_file(path, y_true="y", y_pred="new", y_pred_pooled="old", sensitive_features="code")
    >>> frame.by_group["rationality_gain"].to_dict()
    {'01': 1.0, '1': 0.0}
    """
    columns = Columns.read(
        y_true=y_true,
        y_pred=y_pred,
        y_pred_pooled=y_pred_pooled,
        y_pred_by_group=y_pred_by_group,
        groups=groups,
        sensitive_features=sensitive_features,
        control_features=control_features,
        sample_weight=sample_weight,
        units=units,
    )
    settings: dict[str, Any] = {
        "labels": labels,
        "max_cells": max_cells,
        "engine": engine,
        "dialect": dialect,
    }
    losses = resolve_losses(loss, loss_limit, pos_label)
    keys = read_keys(baseline, on, allow_unmatched)
    if baseline is None:
        return measure_new(path, columns, losses, unit_key=unit_key, **settings)[0]
    return _measure_joined(path, baseline, keys, columns, losses, unit_key, allow_unmatched, **settings)


def measure_new(
    path: str | Path,
    columns: Columns,
    loss: Loss | Mapping[str, Loss],
    *,
    labels: Sequence[Any] | None = None,
    engine: str = "auto",
    dialect: Dialect | None = None,
    max_cells: int = 100_000,
    unit_key: str | bytes | None = None,
    seen: UnitHashes | None = None,
    one_of_several: bool = False,
) -> tuple[PreferenceFrame, int]:
    """Measure the rows of a file whose units were not seen before; the other parameters are those of `measure_file`.

    Parameters
    ----------
    path : path-like
    columns : Columns
    loss : Loss, or dict from name to Loss
    seen : UnitHashes, optional
        Units whose rows are left out.
    one_of_several : bool
        Whether people of several files are added up, so that a column that seems to say who they are is named.

    Returns
    -------
    PreferenceFrame
    int
        Number of rows that were left out.
    """
    key = None if unit_key is None else read_key(unit_key)
    with rows_of_file(path, columns, engine, dialect) as (rows, file):
        table, n_left_out = _without_seen(rows, file, columns, seen, key)
        n_rows = None if file.n_rows is None else file.n_rows - n_left_out
        measured = measure_losses_lazily(
            table,
            columns,
            loss,
            BootstrapSettings(None, True, None),
            labels=labels,
            max_cells=max_cells,
            file=FileColumns(file.names, n_rows),
            unit_key=key,
        )
        frame = PreferenceFrame._of(measured, _CI_QUANTILES)
        hint_at_proxies(frame._layout, stacklevel=4)
        n_known = max(int(part.sums.n.sum()) for part in frame._parts.values())
        is_said = _hint_at_units(table, file.names, columns, n_known)
        if one_of_several and not columns.units and not is_said:
            for name in likely_units(file.names, columns.by_role().values())[:1]:
                warnings.warn(people_may_come_again(name), UnitsWarning, stacklevel=2)
    return frame, n_left_out


def _measure_joined(
    path: str | Path,
    baseline: str | Path,
    on: Sequence[str],
    columns: Columns,
    loss: Loss | Mapping[str, Loss],
    unit_key: str | bytes | None,
    allow_unmatched: bool,
    *,
    labels: Sequence[Any] | None,
    engine: str,
    dialect: Dialect | None,
    max_cells: int,
) -> PreferenceFrame:
    """Measure the rows that two files have in common."""
    with rows_of_joined(
        path, baseline, on, columns, engine, dialect, allow_unmatched=allow_unmatched
    ) as joined:
        measured = measure_losses_lazily(
            joined.table,
            joined.columns,
            loss,
            BootstrapSettings(None, True, None),
            labels=labels,
            max_cells=max_cells,
            file=FileColumns(joined.names, joined.n_rows),
            unit_key=None if unit_key is None else read_key(unit_key),
        )
        frame = PreferenceFrame._of(measured, _CI_QUANTILES)
        hint_at_proxies(frame._layout, stacklevel=4)
        _hint_at_units(joined.table, joined.names, joined.columns, joined.n_rows)
    return frame


@contextlib.contextmanager
def rows_of_file(
    path: str | Path, columns: Columns, engine: str, dialect: Dialect | None
) -> Iterator[tuple[nw.LazyFrame[Any], OpenFile]]:
    """Open a file for one reading, each column as its role needs it.

    Yields
    ------
    table : LazyFrame
    file : OpenFile
        With the columns that are of interest.

    Raises
    ------
    UnreadableValueError
        If what reads the rows finds a value that it cannot use; the message names line, column and value.
    ValueError
        If the file breaks a rule of the dialect, a column does not exist, or the file is changed meanwhile.
    """
    dialect = _read_dialect(dialect)
    before = _stamp(path)
    whole = open_file(path, engine, dialect)
    _check_columns(whole, columns, dialect)
    file = _of_interest(whole, columns)
    table = _without_nulls(file, dialect) if file.is_text else _as_in_text(file, columns, dialect)
    try:
        with engine_errors(file.path):
            yield table, file
    except UnreadableValueError as error:
        message = _at_its_line(error, whole, dialect)
        raise UnreadableValueError(message, error.column, error.problem) from error
    if _stamp(path) != before:
        raise ValueError(f"{path} was changed while it was read; audit it again.")


@contextlib.contextmanager
def rows_of_joined(
    path: str | Path,
    baseline: str | Path,
    on: Sequence[str],
    columns: Columns,
    engine: str,
    dialect: Dialect | None,
    *,
    allow_unmatched: bool,
) -> Iterator[Joined]:
    """Open two files for one reading of the rows that they have in common; errors as of `rows_of_file`."""
    dialect = _read_dialect(dialect)
    before = [_stamp(file) for file in (path, baseline)]
    with engine_errors(path):
        joined = join_files(
            path, baseline, on, columns, engine=engine, dialect=dialect, allow_unmatched=allow_unmatched, is_kept=is_named_like_units,
        )  # fmt: skip
    check_columns(dict.fromkeys(joined.names, nw.String()), joined.columns)
    try:
        with engine_errors(path):
            yield joined
    except UnreadableValueError as error:
        file = joined.files[error.column]
        message = f"{error} (Column {error.column!r} of {file.path.name}.)"
        raise UnreadableValueError(message, error.column, error.problem) from error
    if [_stamp(file) for file in (path, baseline)] != before:
        raise ValueError(f"{path} or {baseline} was changed while it was read; audit again.")


def read_keys(
    baseline: str | Path | None, on: str | Sequence[str] | None, allow_unmatched: bool
) -> list[str]:
    """Columns by which two files are joined; none for one file.

    Raises
    ------
    ValueError
        If they are given for one file, or missing for two.
    """
    if baseline is None:
        if on is not None or allow_unmatched:
            raise ValueError("on and allow_unmatched are for two files; give baseline, or leave them out.")
        return []
    keys = [on] if isinstance(on, str) else list(on or [])
    if not keys:
        raise ValueError(
            "baseline needs on: the columns that say which rows of the two files are about one person or case."
        )
    return keys


def _read_dialect(dialect: Dialect | None) -> Dialect:
    dialect = Dialect() if dialect is None else dialect
    if not isinstance(dialect, Dialect):
        raise TypeError(f"dialect must be a Dialect; got {dialect!r}.")
    return dialect


def _without_seen(
    table: nw.LazyFrame[Any], file: OpenFile, columns: Columns, seen: UnitHashes | None, key: bytes | None
) -> tuple[nw.LazyFrame[Any], int]:
    """Leave out rows of units that were seen before; columns are numbered then, as they are found by position afterwards."""
    if seen is None or key is None:
        return table, 0
    (name,) = columns.units
    numbered = [f"column_{i}" for i in range(len(file.names))]
    rows = in_numbers(table, numbered)
    return without_seen(rows, numbered[file.names.index(name)], key, seen)


def _of_interest(file: OpenFile, columns: Columns) -> OpenFile:
    """Only columns that have a role or a name of units: a file may have thousands of others."""
    roles = set(columns.by_role().values())
    kept = [i for i, name in enumerate(file.names) if name in roles or is_named_like_units(name)]
    table = in_numbers(nw.from_native(file.table), [f"column_{i}" for i in range(len(file.names))])
    chosen = table.select(**{f"column_{new}": nw.col(f"column_{old}") for new, old in enumerate(kept)})
    return replace(file, table=chosen.to_native(), names=[file.names[i] for i in kept])


def _hint_at_units(table: nw.LazyFrame[Any], names: list[str], columns: Columns, n_rows: int) -> bool:
    """Warn of a column that is named like one of units and has values that repeat, if it has no role; say whether there is one."""
    found_names = [] if columns.units else likely_units(names, columns.by_role().values())
    if not found_names:
        return False
    likely = [names.index(name) for name in found_names]
    numbered = [f"column_{i}" for i in range(len(names))]
    rows = in_numbers(table, numbered)
    found = collect(rows.select(*(nw.col(numbered[i]).n_unique() for i in likely)))
    n_values = {names[i]: int(found[numbered[i]].to_list()[0]) for i in likely}
    repeated = {name: n for name, n in n_values.items() if n < n_rows}
    for name, n in repeated.items():
        warnings.warn(
            f"Column {name!r} has {n:,} values in {n_rows:,} rows. If rows with one value belong together, such as the visits of a "
            "patient, name it in units: otherwise they count as different people, and harm is found too often.",
            UnitsWarning,
            stacklevel=3,
        )
    return bool(repeated)


def _stamp(path: str | Path) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _check_columns(file: OpenFile, columns: Columns, dialect: Dialect) -> None:
    names = list(columns.by_role().values())
    if len(file.names) == 1 and not set(names) <= set(file.names):
        raise ValueError(
            f"{file.path.name} has one column, {file.names[0]!r}. Fields are separated by {dialect.delimiter!r}; is it another delimiter?"
        )
    schema: Mapping[str, Any]
    if file.is_text:
        schema = dict.fromkeys(file.names, nw.String())
    else:
        types = nw.from_native(file.table).collect_schema().dtypes()
        schema = dict(zip(file.names, types, strict=True))
    missing = [name for name in names if name not in file.names]
    if not missing:
        check_names(names, file.names, file.path)
    text_groups = {name: nw.String() for name in columns.groups if name in schema}
    check_columns({**schema, **text_groups} if not file.is_text else schema, columns)


def _without_nulls(file: OpenFile, dialect: Dialect) -> nw.LazyFrame[Any]:
    """Empty fields, and those that mean a missing value, as missing in both engines, whether quoted or not."""
    table = nw.from_native(file.table)
    return table.with_columns(
        **{name: present(name, dialect.null) for name in table.collect_schema().names()}
    )


def _as_in_text(file: OpenFile, columns: Columns, dialect: Dialect) -> nw.LazyFrame[Any]:
    """Groups as the text that a CSV file has, and missing what is missing there."""
    numbered = [f"column_{i}" for i in range(len(file.names))]
    table = in_numbers(nw.from_native(file.table), numbered)
    schema, key_of = table.collect_schema(), dict(zip(file.names, numbered, strict=True))
    roles = columns.by_role()
    casts = {}
    for role in [*columns.groupings(), *columns.roles_of("units")]:
        name = roles[role]
        key, dtype = key_of[name], schema[key_of[name]]
        if dtype == nw.String:
            continue
        if not (dtype.is_integer() or dtype in (nw.Boolean, nw.Date, nw.Categorical, nw.Enum)):
            raise ValueError(
                f"{role} is column {name!r} of type {dtype}; groups must be text, integers, booleans or dates. Write the column as text."
            )
        casts[key] = nw.col(key).cast(nw.String)
    of_roles = {key_of[name] for name in roles.values()}
    casts |= {
        key: nw.col(key).cast(nw.String) for key in of_roles if schema[key] in (nw.Categorical, nw.Enum)
    }
    table = table.with_columns(**casts) if casts else table
    texts = [key for key in of_roles if schema[key] == nw.String or key in casts]
    return table.with_columns(**{key: present(key, dialect.null) for key in texts}) if texts else table


def _at_its_line(error: UnreadableValueError, file: OpenFile, dialect: Dialect) -> str:
    """Say in which line the first value is that cannot be read."""
    if not file.is_text:
        return f"{error} (Column {error.column!r}.)"
    with contextlib.suppress(csv.Error):  # a field that is too long for this slow look
        for line, value in _values(file, error.column, dialect):
            if _is_wrong(value, error.problem, dialect):
                return f"{file.path.name}, line {line}, column {error.column!r}: {value!r}. {error}"
    return str(error)


def _values(file: OpenFile, column: str, dialect: Dialect) -> Iterator[tuple[int, str]]:
    """Lines of a file of text, and the values of a column there; empty where there is none."""
    if file.is_json_lines:
        yield from ((line, record.get(column) or "") for line, record in numbered_records(file.path))
        return
    position = file.names.index(column)
    records = dialect.records(file.path)
    next(records)
    yield from ((line, fields[position]) for line, fields in records)


def _is_wrong(value: str, problem: str, dialect: Dialect) -> bool:
    is_missing = value in ("", *dialect.null)
    if problem == "missing":
        return is_missing
    if problem == "number":
        return not is_missing and not re.fullmatch(NUMBER, value)
    return value == problem
