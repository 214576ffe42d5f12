"""Two files about the same people, joined by a key: predictions of a new model in one, those of a baseline in the other."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals as nw

from ..metrics._engines._columns import Columns
from ..metrics._engines._rows import collect, in_numbers
from ._dialect import Dialect
from ._tables import OpenFile, check_names, open_file, present

_NEW, _OLD = "new", "old"


@dataclass(frozen=True)
class Joined:
    """Rows that are in both files.

    Attributes
    ----------
    table : LazyFrame
        One column of text per role, numbered.
    names : list of str
        What the columns are called for `columns`.
    columns : Columns
        Roles by these names.
    n_rows : int
    files : dict from str to OpenFile
        Where each column comes from.
    n_left_out : tuple of int
        Rows of the new file, and of the baseline, that have no partner.
    """

    table: nw.LazyFrame[Any]
    names: list[str]
    columns: Columns
    n_rows: int
    files: Mapping[str, OpenFile]
    n_left_out: tuple[int, int]


def join_files(
    path: str | Path,
    baseline: str | Path,
    on: Sequence[str],
    columns: Columns,
    *,
    engine: str,
    dialect: Dialect,
    allow_unmatched: bool,
    more: Any,
) -> Joined:
    """Join two files.

    Parameters
    ----------
    path, baseline : path-like
    on : sequence of str
        Columns that say which rows are about one person or case; in both files.
    columns : Columns
        `y_pred` is a column of the new file and `y_pred_pooled` one of the baseline; all others may be in either, or in both with the same values.
    engine : str
    dialect : Dialect
    allow_unmatched : bool
        Whether rows without a partner are left out.
    more : callable
        Says of a name whether the column is kept without a role.

    Returns
    -------
    Joined

    Raises
    ------
    ValueError
        If both are one file, a column is missing, a key is missing or repeated, rows have no partner, or the files contradict each other; with counts.
    """
    path, baseline = Path(path), Path(baseline)
    if path.exists() and baseline.exists() and path.samefile(baseline):
        raise ValueError(f"{path.name} and the baseline are the same file; nothing can be compared.")
    new, old = (open_file(file, engine, dialect) for file in (path, baseline))
    source = _sources(columns, on, new, old)
    wanted_new = [*dict.fromkeys([*on, *(name for name, side in source.values() if side == _NEW)])]
    wanted_new += [name for name in new.names if more(name) and name not in wanted_new]
    both = [
        name
        for role, (name, side) in source.items()
        if side == _NEW and role != "y_pred" and name in old.names and name not in on
    ]
    wanted_old = [*dict.fromkeys([*on, *(name for name, side in source.values() if side == _OLD), *both])]
    as_integers = _are_integers(new, old, on)
    left = _chosen(new, wanted_new, "a", dialect, on if as_integers else ())
    right = _chosen(old, wanted_old, "b", dialect, on if as_integers else ())
    keys = [f"key_{i}" for i in range(len(on))]
    left = left.rename({f"a_{wanted_new.index(name)}": key for name, key in zip(on, keys, strict=True)})
    right = right.rename({f"b_{wanted_old.index(name)}": key for name, key in zip(on, keys, strict=True)})
    n_new, n_old = (
        _check_keys(left, keys, path.name, on, allow_unmatched),
        _check_keys(right, keys, baseline.name, on, allow_unmatched),
    )
    left, right = (
        side.filter(~nw.any_horizontal(*(nw.col(key).is_null() for key in keys), ignore_nulls=True))
        for side in (left, right)
    )
    table = left.join(right, on=keys, how="inner")
    pairs = [(f"a_{wanted_new.index(name)}", f"b_{wanted_old.index(name)}") for name in both]
    n_rows = _check_rows(
        table,
        dict(zip(both, pairs, strict=True)),
        (path.name, n_new),
        (baseline.name, n_old),
        allow_unmatched,
    )
    names = {f"{side}:{name}": (side, name) for name, side in source.values()}
    extra = {
        f"{_NEW}:{name}": (_NEW, name)
        for name in wanted_new
        if name not in on and f"{_NEW}:{name}" not in names
    }
    of_key = dict(zip(on, keys, strict=True))
    chosen: dict[str, Any] = {}
    for i, (side, name) in enumerate([*names.values(), *extra.values()]):
        column = of_key.get(name) or (
            f"a_{wanted_new.index(name)}" if side == _NEW else f"b_{wanted_old.index(name)}"
        )
        chosen[f"column_{i}"] = nw.col(column).cast(nw.String) if name in of_key else nw.col(column)
    called = [_called(side, name, columns) for side, name in [*names.values(), *extra.values()]]
    roles = {role: _called(side, name, columns) for role, (name, side) in source.items()}
    files = {_called(side, name, columns): (new if side == _NEW else old) for side, name in names.values()}
    return Joined(
        table.select(**chosen),
        called,
        _renamed(columns, roles),
        n_rows,
        files,
        (n_new - n_rows, n_old - n_rows),
    )


def _called(side: str, name: str, columns: Columns) -> str:
    """A name that tells the two predictions apart where both files call them alike."""
    is_twice = columns.y_pred == columns.y_pred_pooled == name
    return f"{name} ({'baseline' if side == _OLD else 'new'})" if is_twice else name


def _renamed(columns: Columns, roles: Mapping[str, str]) -> Columns:
    return replace(columns, y_pred=roles.get("y_pred"), y_pred_pooled=roles["y_pred_pooled"])


def _sources(columns: Columns, on: Sequence[str], new: OpenFile, old: OpenFile) -> dict[str, tuple[str, str]]:
    """Which column each role has, and in which file."""
    found = {}
    for role, name in columns.by_role().items():
        places = {"y_pred": [(_NEW, new)], "y_pred_pooled": [(_OLD, old)]}.get(
            role, [(_NEW, new), (_OLD, old)]
        )
        side = next((side for side, file in places if name in file.names), None)
        if side is None:
            where = " and ".join(file.path.name for _, file in places)
            has = "; ".join(f"{file.path.name} has {file.names[:12]!r}" for _, file in places)
            raise ValueError(
                f"{role} is column {name!r}, which {where} {'does' if len(places) == 1 else 'do'} not have; {has}."
            )
        found[role] = (name, side)
    for file in (new, old):
        for name in on:
            if name not in file.names:
                raise ValueError(
                    f"The key {name!r} is no column of {file.path.name}, which has {file.names[:12]!r}."
                )
        check_names(
            [name for name in (*on, *(name for name, _ in found.values())) if name in file.names],
            file.names,
            file.path,
        )
    return found


def _are_integers(new: OpenFile, old: OpenFile, on: Sequence[str]) -> bool:
    """Whether keys are integers in both files, which need not be spelled out."""
    if new.is_text or old.is_text:
        return False
    schemas = [
        dict(zip(file.names, nw.from_native(file.table).collect_schema().dtypes(), strict=True))
        for file in (new, old)
    ]
    return all(schema[name].is_integer() for schema in schemas for name in on)


def _chosen(
    file: OpenFile, wanted: Sequence[str], prefix: str, dialect: Dialect, as_they_are: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Some columns of a file as text."""
    numbered = [f"column_{i}" for i in range(len(file.names))]
    table: Any = in_numbers(nw.from_native(file.table), numbered).lazy()
    schema = table.collect_schema()
    columns = {}
    for i, name in enumerate(wanted):
        key = numbered[file.names.index(name)]
        dtype = schema[key]
        if name in as_they_are:
            columns[f"{prefix}_{i}"] = nw.col(key).cast(nw.Int64)
            continue
        if (
            dtype.is_temporal()
            and dtype != nw.Date
            or dtype in (nw.Binary, nw.Struct, nw.List, nw.Array, nw.Object)
        ):
            raise ValueError(f"Column {name!r} of {file.path.name} is {dtype}; write it as text.")
        columns[f"{prefix}_{i}"] = (
            present(key, dialect.null) if dtype == nw.String else nw.col(key).cast(nw.String)
        )
    return table.select(**columns)


def _check_keys(
    rows: nw.LazyFrame[Any], keys: Sequence[str], name: str, on: Sequence[str], allow_unmatched: bool
) -> int:
    """Count rows; refuse keys that are missing or come twice."""
    missing = nw.any_horizontal(*(nw.col(key).is_null() for key in keys), ignore_nulls=True)
    counts = collect(rows.select(n=nw.len(), missing=missing.cast(nw.Int64).sum()))
    n, n_missing = (int(counts[column].to_list()[0] or 0) for column in ("n", "missing"))
    if not n:
        raise ValueError(f"{name} has no rows; at least one is needed.")
    called = " and ".join(map(repr, on))
    if n_missing and not allow_unmatched:
        raise ValueError(
            f"{name} has {n_missing:,} of {n:,} rows without the key {called}. Fill them in, or allow rows without a partner."
        )
    n_distinct = int(
        collect(rows.filter(~missing).select(*keys).unique().select(n=nw.len()))["n"].to_list()[0]
    )
    if n_distinct < n - n_missing:
        raise ValueError(
            f"{name} has {n - n_missing - n_distinct:,} rows whose key {called} comes more than once ({n:,} rows, {n_distinct:,} keys). A key must say which case a row is about; name more "
            "columns in it."
        )
    return n


def _check_rows(
    table: nw.LazyFrame[Any],
    both: Mapping[str, tuple[str, str]],
    new: tuple[str, int],
    old: tuple[str, int],
    allow_unmatched: bool,
) -> int:
    """Count the rows that both files have; refuse others, and values that contradict each other."""
    different = {
        f"different_{i}": ((nw.col(a) != nw.col(b)) | (nw.col(a).is_null() != nw.col(b).is_null())).cast(
            nw.Int64
        )
        for i, (a, b) in enumerate(both.values())
    }
    counts = collect(
        (table.with_columns(**different) if different else table).select(
            nw.len().alias("n"), *(nw.col(key).sum() for key in different)
        )
    )
    n_rows = int(counts["n"].to_list()[0])
    if not n_rows:
        raise ValueError(
            f"No key of {new[0]} is in {old[0]}: these are other people or cases. To compare the risks of different people use unpaired samples (--unpaired)."
        )
    for key, name in zip(different, both, strict=True):
        if n := int(counts[key].to_list()[0] or 0):
            raise ValueError(
                f"Column {name!r} is in both files and differs in {n:,} of {n_rows:,} rows. Leave it out of one of them."
            )
    if new[1] > n_rows or old[1] > n_rows:
        said = f"{new[1] - n_rows:,} of {new[1]:,} rows of {new[0]} have no partner in {old[0]}, and {old[1] - n_rows:,} of {old[1]:,} the other way round"
        if not allow_unmatched:
            raise ValueError(
                f"{said}. If they may be left out, say so (allow_unmatched=True, --allow-unmatched): {n_rows:,} rows are in both."
            )
        warnings.warn(f"{said}; they are left out. {n_rows:,} rows are audited.", UserWarning, stacklevel=4)
    return n_rows
