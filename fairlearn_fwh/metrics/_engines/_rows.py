"""The columns of a lazy frame by their roles, each as the kind of value that its role needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals as nw

from .._core._losses import Loss
from .._core._values import MAX_EXACT
from ._columns import Columns

#: Numbers in files: digits, a point, an exponent; no blanks, no signs but minus, no words.
NUMBER = r"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?$"


#: How many rows of a file a row stands for.
N_ROWS = "n_rows"


@dataclass(frozen=True)
class FileColumns:
    """What is known of the columns of a file, which an engine knows by numbers.

    Attributes
    ----------
    names : list of str
        Names of the columns by position.
    n_rows : int or None
        Number of rows that there must be, if all columns are text, as in a file without types.
    """

    names: list[str]
    n_rows: int | None = None


def select_roles(
    frame: nw.LazyFrame[Any], columns: Columns, file: FileColumns | None = None
) -> nw.LazyFrame[Any]:
    """Select the columns that have a role, under the numbered names of `Columns.keys`.

    Columns are found by position: engines take some names for others (DuckDB and Spark those that differ in case only, Spark those with
    dots).

    Parameters
    ----------
    frame : LazyFrame
    columns : Columns
    file : FileColumns, optional
        Has the names of the columns, where the frame does not have them.
    """
    native: Any = frame.to_native()
    may_repeat_names = any(engine in str(frame.implementation).lower() for engine in ("duckdb", "spark"))
    names = list(native.columns) if may_repeat_names else list(frame.collect_schema().names())
    wanted = file.names if file else names
    for name in columns.by_role().values():
        if wanted.count(name) > 1:
            raise ValueError(f"The frame has several columns named {name!r}; rename all but one.")
    numbered = [f"column_{i}" for i in range(len(names))]
    position = {name: i for i, name in enumerate(wanted)}
    rows = in_numbers(frame, numbered)
    return rows.select(
        **{columns.keys[role]: nw.col(numbered[position[name]]) for role, name in columns.by_role().items()}
    )


def in_numbers(frame: nw.LazyFrame[Any], numbered: list[str]) -> nw.LazyFrame[Any]:
    """Give columns other names by their positions."""
    native: Any = frame.to_native()
    implementation = str(frame.implementation).lower()
    if "duckdb" in implementation:
        projection = ", ".join(f"#{i} AS {name}" for i, name in enumerate(numbered, start=1))
        return nw.from_native(native.project(projection))
    if "spark" in implementation:
        return nw.from_native(native.toDF(*numbered))
    names = frame.collect_schema().names()
    return frame.rename(dict(zip(names, numbered, strict=True)))


def count_alike(rows: nw.LazyFrame[Any], most: int) -> nw.LazyFrame[Any] | None:
    """Count rows that are equal, and go on with the few kinds of rows that there are, which are held in memory; None if there are too many.

    Parameters
    ----------
    rows : LazyFrame
        Of `select_roles`.
    most : int
        Most kinds of rows.
    """
    kinds = collect(rows.group_by(*rows.collect_schema().names()).agg(nw.len().alias(N_ROWS)).head(most + 1))
    if len(kinds) > most:
        return None
    return kinds.lazy("duckdb" if "duckdb" in str(rows.implementation).lower() else "polars")


def collect(query: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Run a query; polars piece by piece, so that a file need not fit into memory."""
    if "polars" in str(query.implementation).lower():
        return query.collect(backend="polars", engine="streaming")
    return query.collect()


def numeric_roles(columns: Columns, loss: Loss) -> list[str]:
    """Roles whose values have to be numbers."""
    weights = [] if columns.sample_weight is None else ["sample_weight"]
    if loss.predicts == "labels":
        return weights
    roles = columns.labels_and_predictions()
    return weights + (roles[1:] if loss.predicts in ("decisions", "scores") else roles)


def with_plain_types(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """Make text of dictionaries, whose categories may differ, integers of booleans and floats of decimals, which not every engine compares.

    Parameters
    ----------
    rows : LazyFrame
        Of `select_roles`, with types.
    columns : Columns
    """
    keys, schema = columns.keys, rows.collect_schema()
    predictions = [keys[role] for role in columns.labels_and_predictions()]
    numbers = [*predictions, *([] if columns.sample_weight is None else [keys["sample_weight"]])]
    casts = {key: nw.col(key).cast(nw.Int64) for key in numbers if schema[key] == nw.Boolean}
    casts |= {key: nw.col(key).cast(nw.Float64) for key in predictions if schema[key].is_decimal()}
    # Beside a short float some engines compare as short floats, in which large integers are one.
    casts |= {key: nw.col(key).cast(nw.Float64) for key in predictions if schema[key].is_float()}
    casts |= {
        keys[role]: nw.col(keys[role]).cast(nw.Int64)
        for role in [*columns.groupings(), *columns.roles_of("units")]
        if schema[keys[role]] == nw.Int128
    }
    casts |= {
        key: nw.col(key).cast(nw.String) for key in keys.values() if schema[key] in (nw.Categorical, nw.Enum)
    }
    return rows.with_columns(**casts) if casts else rows


def with_numbers(rows: nw.LazyFrame[Any], columns: Columns, loss: Loss) -> nw.LazyFrame[Any]:
    """Read numbers from text where roles need them."""
    keys = [columns.keys[role] for role in numeric_roles(columns, loss)]
    return rows.with_columns(**{key: as_number(nw.col(key)) for key in keys}) if keys else rows


def as_number(text: nw.Expr) -> nw.Expr:
    """Read numbers; what is none becomes missing."""
    return nw.when(text.str.contains(NUMBER)).then(text).cast(nw.Float64)


def read_numbers(labels: frozenset[Any]) -> dict[Any, int | Decimal] | None:
    """Read labels that are text as numbers, if all of them are.

    Returns
    -------
    dict from text to number, or None
        None if some label is not a number, or no float tells it from its neighbours.
    """
    import re

    number = re.compile(NUMBER)
    if not all(isinstance(label, str) and number.fullmatch(label) for label in labels):
        return None
    read = {label: Decimal(label) for label in labels}
    if any(abs(value) > MAX_EXACT for value in read.values()):
        return None
    return {label: int(value) if value == int(value) else value for label, value in read.items()}


def in_one_spelling(
    rows: nw.LazyFrame[Any], keys: list[str], numbers: Mapping[str, int | Decimal]
) -> nw.LazyFrame[Any]:
    """Compare labels that are numbers as numbers where one is spelled in several ways (1, 1.0 and 1e0).

    Parameters
    ----------
    rows : LazyFrame
    keys : list of str
        Columns of labels.
    numbers : mapping from text to number
    """
    if all(text == str(number) for text, number in numbers.items()):
        return rows
    return rows.with_columns(**{key: as_number(nw.col(key)) for key in keys})
