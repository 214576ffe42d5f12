"""Two files about the same people, joined by a key: predictions of a new model in one, those of a baseline in the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals as nw

from ..metrics._core._names import group_name
from ..metrics._engines._columns import Columns
from ..metrics._engines._rows import as_number, collect, in_numbers
from ._dialect import Dialect
from ._tables import OpenFile, check_names, open_file, present

#: Integers that every engine reads as 64 bits with a sign.
_INTEGERS = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32)

#: Floats up to this size that are whole are integers, whatever wrote them.
_WHOLE = 2.0**53


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
    """

    table: nw.LazyFrame[Any]
    names: list[str]
    columns: Columns
    n_rows: int
    files: Mapping[str, OpenFile]


def join_files(
    path: str | Path,
    baseline: str | Path,
    on: Sequence[str],
    columns: Columns,
    *,
    engine: str,
    dialect: Dialect,
    allow_unmatched: bool,
    is_kept: Callable[[str], Any],
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
    is_kept : callable
        Says of a name whether a column of the new file is kept without a role.

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
    roles = columns.by_role()
    of_new = {role: name for role, name in roles.items() if _is_of_new(role, name, new, old)}
    of_old = {role: name for role, name in roles.items() if role not in of_new}
    # The baseline's predictions may be called like another column of the new file, which is not a contradiction.
    both = [
        name
        for role, name in of_new.items()
        if role != "y_pred" and name in old.names and name != columns.y_pred_pooled and name not in on
    ]
    kept = [name for name in new.names if is_kept(name) and name not in on]
    numbers = {name for role, name in roles.items() if not _is_about_groups(role)}
    groups = {name: role for role, name in roles.items() if _is_about_groups(role)}
    numbers -= set(groups)
    settings: dict[str, Any] = {
        "groups": groups,
        "keys": on,
        "dialect": dialect,
        "numbers": numbers,
        "has_integer_keys": _have_integers((new, old), on),
    }
    left = Side(new, [*of_new.values(), *kept], prefix="new", **settings)
    right = Side(old, [*of_old.values(), *both], prefix="old", **settings)
    sizes = [side.check(allow_missing=allow_unmatched) for side in (left, right)]
    table = left.with_key.join(right.with_key, on=left.key_columns, how="inner")
    pairs = {name: (left.column(name), right.column(name), name in numbers) for name in both}
    n_rows = _check_rows(table, pairs, (left, right), sizes, allow_unmatched)
    if n_rows < max(sizes):
        _check_groups(table, left, [name for name in of_new.values() if name in groups])
        _check_groups(table, right, [name for name in of_old.values() if name in groups])
    called = {
        (side, name): name
        for side, names in ((left, [*of_new.values(), *kept]), (right, of_old.values()))
        for name in names
    }
    taken = set(called.values())
    pooled = (right, columns.y_pred_pooled)
    if (left, columns.y_pred_pooled) in called:
        called[pooled] = _free_name(f"{columns.y_pred_pooled} (baseline)", taken)
    chosen = {f"column_{i}": side.text_of(name) for i, (side, name) in enumerate(called)}
    return Joined(
        table.select(**chosen),
        list(called.values()),
        replace(columns, y_pred_pooled=called[pooled]),
        n_rows,
        {name: side.file for (side, _), name in called.items()},
    )


def _is_of_new(role: str, name: str, new: OpenFile, old: OpenFile) -> bool:
    """Whether a role's column is taken from the new file.

    Raises
    ------
    ValueError
        If the column is not where it has to be.
    """
    places = {"y_pred": [new], "y_pred_pooled": [old]}.get(role, [new, old])
    for file in places:
        if name in file.names:
            check_names([name], file.names, file.path)
            return file is new
    where = " and ".join(file.path.name for file in places)
    has = "; ".join(f"{file.path.name} has {file.names[:12]!r}" for file in places)
    raise ValueError(
        f"{role} is column {name!r}, which {where} {'does' if len(places) == 1 else 'do'} not have; {has}."
    )


def _is_about_groups(role: str) -> bool:
    """Whether a column's values are text as spelled."""
    return role.startswith(("groups[", "sensitive_features[", "control_features[", "units["))


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    return name


def _have_integers(files: Sequence[OpenFile], keys: Sequence[str]) -> bool:
    """Whether keys are integers in all files, which need not be spelled out."""
    if any(file.is_text for file in files):
        return False
    schemas = [
        dict(zip(f.names, nw.from_native(f.table).collect_schema().dtypes(), strict=True)) for f in files
    ]
    return all(schema.get(key) in _INTEGERS for schema in schemas for key in keys)


@dataclass(frozen=True, eq=False)
class Side:
    """One of two files that are joined.

    Attributes
    ----------
    file : OpenFile
    wanted : sequence of str
        Columns that are needed beside the keys.
    prefix : str
        With which its columns begin, so that those of the other file have other names.
    keys : sequence of str
    dialect : Dialect
    numbers : set of str
        Columns of labels, weights and other numbers, which are compared as such.
    groups : dict from str to str
        Columns of groups and units, and their roles.
    has_integer_keys : bool
        Whether the keys of both files are integers.
    """

    file: OpenFile
    wanted: Sequence[str]
    prefix: str
    keys: Sequence[str]
    dialect: Dialect
    numbers: set[str]
    groups: Mapping[str, str]
    has_integer_keys: bool

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.file.path.name

    @property
    def key_columns(self) -> list[str]:
        """What the columns of the key are called in both files."""
        return [f"key_{i}" for i in range(len(self.keys))]

    def column(self, name: str) -> str:
        """What a column that is wanted is called."""
        return f"{self.prefix}_{self.file.names.index(name)}"

    def text_of(self, name: str) -> Any:
        """Values of a column in the joined table."""
        if name not in self.keys:
            return nw.col(self.column(name))
        return nw.col(self.key_columns[list(self.keys).index(name)]).cast(nw.String)

    @cached_property
    def rows(self) -> nw.LazyFrame[Any]:
        """Keys, and the columns that are wanted as text.

        Raises
        ------
        ValueError
            If a key is not a column, or a column has a type without a spelling.
        """
        for key in self.keys:
            if key not in self.file.names:
                raise ValueError(
                    f"The key {key!r} is not a column of {self.name}, which has {self.file.names[:12]!r}."
                )
        check_names(list(self.keys), self.file.names, self.file.path)
        numbered = [f"column_{i}" for i in range(len(self.file.names))]
        table: Any = in_numbers(nw.from_native(self.file.table), numbered).lazy()
        schema = dict(zip(self.file.names, table.collect_schema().dtypes(), strict=True))
        where = dict(zip(self.file.names, numbered, strict=True))
        columns = {
            key_column: nw.col(where[key]).cast(nw.Int64)
            if self.has_integer_keys
            else self._spelled(key, where[key], schema[key])
            for key_column, key in zip(self.key_columns, self.keys, strict=True)
        }
        for name in dict.fromkeys(self.wanted):
            if name not in self.keys:
                columns[self.column(name)] = self._spelled(name, where[name], schema[name])
        result: nw.LazyFrame[Any] = table.select(**columns)
        return result

    def _spelled(self, name: str, column: str, dtype: Any) -> Any:
        """A column as the text that a CSV file would have; whole numbers without a fraction, whatever their type."""
        values = nw.col(column)
        if name in self.groups and (dtype.is_float() or dtype.is_decimal()):
            raise ValueError(
                f"{self.groups[name]} is column {name!r} of type {dtype}; groups must be text, integers, booleans or dates. Write the column as text."
            )
        if dtype == nw.String:
            return present(column, self.dialect.null)
        if dtype == nw.Boolean and name in self.numbers:
            return values.cast(nw.Int64).cast(nw.String)  # as in one file, where True is 1
        if dtype.is_float():
            is_whole = (values == values.round()) & (values.abs() < _WHOLE)
            missing = values.is_null() | values.is_nan()
            whole = nw.when(is_whole).then(values)
            spelled = (
                nw.when(is_whole)
                .then(whole.cast(nw.Int64).cast(nw.String))
                .otherwise(values.cast(nw.Float64).cast(nw.String))
            )
            return nw.when(~missing).then(spelled)
        if dtype.is_decimal():
            return (
                values.cast(nw.String)
                .str.replace_all(r"(\.\d*?)0+$", "$1" if self._is_rust else r"\1")
                .str.replace_all(r"\.$", "")
            )
        if dtype.is_integer() or dtype in (nw.Boolean, nw.Date, nw.Categorical, nw.Enum):
            return values.cast(nw.String)
        raise ValueError(f"Column {name!r} of {self.name} is {dtype}; write it as text.")

    @property
    def _is_rust(self) -> bool:
        """Whether the engine writes groups of patterns as Rust does."""
        return "polars" in str(nw.from_native(self.file.table).implementation).lower()

    @property
    def _has_no_key(self) -> Any:
        return nw.any_horizontal(*(nw.col(key).is_null() for key in self.key_columns), ignore_nulls=True)

    @property
    def with_key(self) -> nw.LazyFrame[Any]:
        """Rows that have a key."""
        return self.rows.filter(~self._has_no_key)

    def check(self, *, allow_missing: bool) -> int:
        """Count the rows; refuse keys that are missing or come twice.

        Raises
        ------
        ValueError
        """
        counts = collect(self.rows.select(n=nw.len(), missing=self._has_no_key.cast(nw.Int64).sum()))
        n, n_missing = (int(counts[column].to_list()[0] or 0) for column in ("n", "missing"))
        called = " and ".join(map(repr, self.keys))
        if not n:
            raise ValueError(f"{self.name} has no rows; at least one is needed.")
        if n_missing and not allow_missing:
            raise ValueError(
                f"{self.name} has {n_missing:,} of {n:,} rows without the key {called}. Fill them in, or allow rows without a partner."
            )
        distinct = self.with_key.select(*self.key_columns).unique().select(n=nw.len())
        n_distinct = int(collect(distinct)["n"].to_list()[0])
        if n_distinct < n - n_missing:
            raise ValueError(
                f"{self.name} has {n - n_missing - n_distinct:,} rows whose key {called} comes more than once ({n:,} rows, {n_distinct:,} keys). A key must say "
                "which case a row is about; name more columns in it."
            )
        return n


def _check_rows(
    table: nw.LazyFrame[Any],
    both: Mapping[str, tuple[str, str, bool]],
    sides: tuple[Side, Side],
    sizes: Sequence[int],
    allow_unmatched: bool,
) -> int:
    """Count the rows that both files have; refuse others, and values that contradict each other."""
    different = {f"different_{i}": _differs(*pair).cast(nw.Int64) for i, pair in enumerate(both.values())}
    marked = table.with_columns(**different) if different else table
    counts = collect(marked.select(nw.len().alias("n"), *(nw.col(key).sum() for key in different)))
    n_rows, (new, old) = int(counts["n"].to_list()[0]), (side.name for side in sides)
    if not n_rows:
        raise ValueError(
            f"No key of {new} is in {old}: these are other people or cases, or keys are spelled differently (as 1.0 and 1, or 01 and 1). To compare the risks of "
            "different people use unpaired samples (--unpaired)."
        )
    for key, name in zip(different, both, strict=True):
        if n := int(counts[key].to_list()[0] or 0):
            raise ValueError(
                f"Column {name!r} is in both files and differs in {n:,} of {n_rows:,} rows. Leave it out of one of them."
            )
    n_new, n_old = (size - n_rows for size in sizes)
    if n_new or n_old:
        said = f"{n_new:,} of {sizes[0]:,} rows of {new} have no partner in {old}, and {n_old:,} of {sizes[1]:,} the other way round"
        if not allow_unmatched:
            raise ValueError(
                f"{said}. If they may be left out, say so (allow_unmatched=True, --allow-unmatched): {n_rows:,} rows are in both."
            )
        warnings.warn(f"{said}; they are left out. {n_rows:,} rows are audited.", UserWarning, stacklevel=5)
    return n_rows


def _check_groups(table: nw.LazyFrame[Any], side: Side, names: Sequence[str]) -> None:
    """Raise ValueError if a group has rows in a file and none in both: nothing would be said of it, though it may be who is harmed."""
    columns = {
        f"group_{i}": side.text_of(name)
        for i, name in enumerate(names)
        if side.groups[name].startswith(("groups[", "sensitive_features["))
    }
    if not columns:
        return
    before, after = (
        set(zip(*(found[column].to_list() for column in columns), strict=True))
        for found in (collect(rows.select(**columns).unique()) for rows in (side.rows, table))
    )
    if gone := sorted((label for label in before - after if None not in label), key=str):
        label = gone[0] if len(columns) > 1 else gone[0][0]
        raise ValueError(
            f"No row of the group {group_name(label)} of {side.name} has a partner, so that nothing could be said of it. Are its keys spelled in another way? "
            "If it may be left out, take its rows out of the file."
        )


def _differs(first: str, second: str, are_numbers: bool) -> Any:
    """Whether two columns of text contradict each other."""
    a, b = nw.col(first), nw.col(second)
    is_other = a != b
    if are_numbers:
        is_other &= ~(as_number(a) == as_number(b)).fill_null(False)
    return is_other | (a.is_null() != b.is_null())
