"""The border of the package: values of any container become one kind of array, or are refused with argument, row and value.

A column that was read holds numbers (integers, floats, booleans), text, dates, timestamps, or objects of one other type; it never holds a
missing value, bytes, or a mixture in which a comparison would silently be false.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Set
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from ._nul import check_told_apart

#: The largest integer up to which no two integers are one float.
MAX_EXACT = 2**53 - 1

_REMEDIES = {
    "bytes": "decode them to text, for instance by value.decode()",
    "complex": "give real numbers, or text",
}


def to_numpy(values: Any) -> np.ndarray:
    """Turn a Series of any kind, a list or an array into a numpy array, without checking it."""
    series = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(series, nw.Series):
        return series.to_numpy()
    return np.asarray(values)


def read_values(values: Any, name: str, *, allow_mixed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Read values of one column.

    Parameters
    ----------
    values : list, array, masked array or Series of any kind, shape (n,) or (n, 1)
    name : str
        Name of the argument, for messages.
    allow_mixed : bool
        Whether values of different types may stand beside each other as long as their names differ; so it is for labels of groups.

    Returns
    -------
    array : ndarray, shape (n,)
        Of integers, floats, booleans or timestamps, or of objects: text, dates, others.
    missing : ndarray of bool, shape (n,)
        Which values are missing; what stands there in `array` means nothing.

    Raises
    ------
    ValueError
        If there is not one value per row, values cannot be told apart for certain, or they are bytes or complex numbers.
    """
    array, missing = _split_missing(values, name)
    if array.dtype.kind == "f":  # some containers tell "not a number" from "missing"; nobody can compare it
        missing = missing | np.isnan(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array, missing = array[:, 0], missing[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} must have one value per row; got an array of shape {array.shape}.")
    if array.dtype.kind == "O":
        array = _read_objects(array, missing, name, allow_mixed)
    return _in_normal_form(array, missing, name), missing


def _split_missing(values: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values as an array that guesses nothing, and which of them are missing."""
    if isinstance(values, pd.MultiIndex | Mapping | Set | str | bytes):
        container = type(values).__name__
        raise ValueError(
            f"{name} must have one value per row, as a list, an array or a Series; got {container}."
        )
    if type(values).__module__.startswith("pyarrow") and not hasattr(values, "chunks"):
        values = values.to_pylist()  # a single array, of which narwhals knows nothing
    if isinstance(values, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return _of_pandas(values)
    series = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(series, nw.Series):
        return _of_series(series, name)
    if isinstance(values, np.ma.MaskedArray):
        return values.data, np.ma.getmaskarray(values) | pd.isna(values.data)
    if isinstance(frame := nw.from_native(values, pass_through=True), nw.DataFrame):
        values = frame.to_numpy()
    if not isinstance(values, np.ndarray):
        # numpy would make text of what stands beside text: 1 and None become "1" and "None".
        kind = getattr(values, "dtype", None)
        array = np.asarray(values) if kind is not None else _of_objects(values, name)
    else:
        array = values.astype(object) if values.dtype.kind == "T" else values
    if array.dtype.kind not in "OfcMm" or _are_texts(array):
        return array, np.zeros(array.shape, dtype=bool)
    try:
        return array, pd.isna(array)
    except ArithmeticError as error:
        raise ValueError(f"{name} has a number that no float can hold ({error}).") from error


def _of_objects(values: Any, name: str) -> np.ndarray:
    """Values of a list as objects, none of which changes its type."""
    try:
        items = list(values)
    except TypeError as error:
        raise ValueError(f"{name} must have one value per row; got {type(values).__name__}.") from error
    if items and all(isinstance(item, list | np.ndarray) for item in items):
        try:
            return np.asarray(items, dtype=object)
        except ValueError as error:
            raise ValueError(f"{name} must have one value per row; got rows of different lengths.") from error
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _are_texts(array: np.ndarray) -> bool:
    """Whether all objects are texts, none of which is missing: quicker to tell than which are missing."""
    return (
        array.ndim == 1
        and array.dtype == object
        and pd.api.types.infer_dtype(array, skipna=False) == "string"
    )


def _of_pandas(values: Any) -> tuple[np.ndarray, np.ndarray]:
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind == "O" and _are_texts(array := np.asarray(values)):
        return array, np.zeros(len(array), dtype=bool)
    missing = np.asarray(pd.isna(values), dtype=bool)
    if isinstance(dtype, pd.CategoricalDtype):
        codes = np.asarray(values.cat.codes if isinstance(values, pd.Series) else values.codes)
        if not len(dtype.categories):
            return np.empty(len(codes), dtype=object), missing
        return _of_pandas(dtype.categories)[0][codes], missing
    if isinstance(dtype, np.dtype):
        return np.asarray(values), missing
    if isinstance(dtype, pd.DatetimeTZDtype) or not missing.any():
        kind = getattr(dtype, "kind", "O")
        plain = getattr(dtype, "numpy_dtype", None)
        if kind in "iufb" and isinstance(plain, np.dtype) and plain.kind == kind:
            return values.to_numpy(dtype=plain), missing
        return values.to_numpy(dtype=object), missing
    return values.to_numpy(dtype=object, na_value=None), missing


def _of_series(series: nw.Series[Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of a Series of polars or pyarrow."""
    dtype = series.dtype
    if dtype.is_nested():
        raise ValueError(f"{name} must have one value per row; its values are {dtype}.")
    missing = series.is_null().to_numpy().astype(bool)
    if dtype.is_float():
        return series.to_numpy(), missing
    plain = (
        dtype.is_integer()
        or dtype == nw.Boolean
        or (dtype == nw.Datetime and getattr(dtype, "time_zone", None) is None)
    )
    if plain and not missing.any():
        return series.to_numpy(), missing
    if dtype == nw.Time:
        raise ValueError(f"{name} has times of day; give them as text.")
    if dtype == nw.Datetime or dtype == nw.Duration:
        return _of_pandas(_stamps(series)) if dtype == nw.Datetime else (series.to_numpy(), missing)
    # numpy's texts end where the last NUL begins; Python's do not.
    array = np.empty(len(series), dtype=object)
    array[:] = series.to_list()
    return array, missing


def _stamps(series: nw.Series[Any]) -> pd.Series:
    """Timestamps with all their digits."""
    zone = getattr(series.dtype, "time_zone", None)
    if zone is None:
        return pd.Series(series.to_numpy())
    in_utc = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy()
    return pd.Series(pd.DatetimeIndex(in_utc).tz_localize("UTC").tz_convert(zone))


def _read_objects(array: np.ndarray, missing: np.ndarray, name: str, allow_mixed: bool) -> np.ndarray:
    """Objects of one type as an array of that type; others only if they may be mixed."""
    present = array[~missing] if missing.any() else array
    kind = pd.api.types.infer_dtype(present, skipna=False)
    if kind == "string":
        check_told_apart(array, name)
    if kind in ("string", "empty"):
        return array
    readers = {
        "integer": _integers, "boolean": lambda values, _: values.astype(bool), "floating": _floats,
        "mixed-integer-float": _floats, "decimal": _floats, "datetime": _timestamps, "datetime64": _timestamps, "date": _as_they_are,
    }  # fmt: skip
    # A timestamp is a date for Python, and equal to none.
    is_mixed = kind == "date" and any(isinstance(value, datetime.datetime) for value in present)
    if kind not in readers or is_mixed:
        _check_mixture(array, missing, name, allow_mixed)
        return array
    read = readers[kind](present, name)
    if not missing.any():
        return read
    # What is missing gets any value of the type: nobody looks at it.
    result = np.empty(len(array), dtype=read.dtype)
    result[~missing] = read
    return result


def _as_they_are(values: np.ndarray, _: str) -> np.ndarray:
    return values


def _integers(values: np.ndarray, _: str) -> np.ndarray:
    low, high = min(values), max(values)
    if low < -(2**63) or high >= 2**64 or (low < 0 and high >= 2**63):
        return values  # larger than any integer of numpy
    return values.astype(np.int64 if high < 2**63 else np.uint64)


def _floats(values: np.ndarray, name: str) -> np.ndarray:
    try:
        read = values.astype(float)
        lost = (read != values) & np.isfinite(read)
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"{name} has a number that no float can hold ({error}).") from error
    if lost.any():
        row = int(np.flatnonzero(lost)[0])
        raise ValueError(
            f"{name} has the value {values[row]!r}, which no float can hold; give all values as integers, or as text."
        )
    return read


def _timestamps(values: np.ndarray, _: str) -> np.ndarray:
    if any(getattr(value, "tzinfo", None) is not None for value in values):
        stamps = np.empty(len(values), dtype=object)
        stamps[:] = [pd.Timestamp(value) for value in values]
        return stamps
    return pd.DatetimeIndex(values).to_numpy()


def _check_mixture(array: np.ndarray, missing: np.ndarray, name: str, allow_mixed: bool) -> None:
    """Refuse values that would be compared in vain, or that cannot be told apart in a report."""
    types: dict[str, tuple[int, Any]] = {}
    for row in np.flatnonzero(~missing).tolist():
        types.setdefault(_type_name(array[row]), (row, array[row]))
    for kind, (row, value) in types.items():
        if kind in (*_REMEDIES, "list", "dict", "ndarray", "set"):
            remedy = _REMEDIES.get(kind, "there must be one value per row")
            raise ValueError(f"{name} has {value!r} in row {row} ({kind}); {remedy}.")
    if len(types) < 2:
        return
    (first, (row, value)), (second, (other_row, other)) = list(types.items())[:2]
    if not allow_mixed:
        raise ValueError(
            f"{name} has values of different types: {value!r} in row {row} ({first}) and {other!r} in row {other_row} ({second}); no "
            "comparison could tell them apart for certain. Give all of them as one type."
        )
    names: dict[str, Any] = {}
    for value in array[~missing]:
        earlier = names.setdefault(str(value), value)
        if _type_name(earlier) != _type_name(value):
            raise ValueError(
                f"{name} has both {earlier!r} and {value!r}, which are written alike; give all values as one type."
            )
    if {"boolean", "number"} <= set(types):
        raise ValueError(
            f"{name} has both booleans and numbers, of which True and 1 are equal; give all values as one type."
        )


def check_written_apart(labels: Iterable[Any], name: str) -> None:
    """Refuse labels of several samples that are equal and of different types, or different and written alike.

    Parameters
    ----------
    labels : iterable
        Tuples are looked at part by part.
    name : str
        What they are, for messages.

    Raises
    ------
    ValueError
    """
    seen: dict[tuple[int, str], Any] = {}
    types: dict[int, dict[str, Any]] = {}
    for label in labels:
        for position, part in enumerate(label if isinstance(label, tuple) else (label,)):
            earlier = seen.setdefault((position, str(part)), part)
            if _type_name(earlier) != _type_name(part):
                raise ValueError(
                    f"{name}: {earlier!r} and {part!r} are written alike; give all values as one type."
                )
            types.setdefault(position, {}).setdefault(_type_name(part), part)
    for found in types.values():
        for one, other in (("boolean", "number"), ("date", "Timestamp")):
            if one in found and other in found:
                raise ValueError(
                    f"{name}: {found[one]!r} and {found[other]!r} are of different types; give all values as one type."
                )


def _type_name(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, complex | np.complexfloating) and not isinstance(value, float):
        return "complex"
    if isinstance(value, int | float | np.integer | np.floating):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes | bytearray):
        return "bytes"
    return type(value).__name__


def _in_normal_form(array: np.ndarray, missing: np.ndarray, name: str) -> np.ndarray:
    """Dates as dates whatever holds them, text as objects, unsigned integers as signed ones."""
    kind = array.dtype.kind
    if kind in "SVc":
        what = {"S": "bytes", "V": "records", "c": "complex"}[kind]
        value = array[0].item() if len(array) else ""
        remedy = _REMEDIES.get(what, "there must be one value per row")
        raise ValueError(f"{name} has {value!r} in row 0 ({what}); {remedy}.")
    if kind in "UT":
        return array.astype(object)
    if kind == "M" and array.dtype == np.dtype("datetime64[D]"):
        return array.astype(object)
    if array.dtype == np.float16:
        return array.astype(float)
    if array.dtype == np.uint64:
        if len(array) and array[~missing].max(initial=0) >= 2**63:
            return array.astype(object)
        return array.astype(np.int64)
    return array


def kind_of(array: np.ndarray) -> str:
    """Say what a column that was read holds: "number", "text", "date", "timestamp", ...

    Parameters
    ----------
    array : ndarray, shape (n,)
        As `read_values` returns it.

    Returns
    -------
    str
    """
    kinds = {
        "b": "number",
        "i": "number",
        "u": "number",
        "f": "number",
        "M": "timestamp",
        "m": "duration",
        "U": "text",
    }
    if array.dtype.kind in kinds:
        return kinds[array.dtype.kind]
    value = array[0] if len(array) else ""
    if isinstance(value, pd.Timestamp | datetime.datetime):
        return "timestamp with a time zone" if value.tzinfo is not None else "timestamp"
    return "date" if isinstance(value, datetime.date) else _type_name(value)


def as_column(values: Any, name: str, n_rows: int | None = None) -> np.ndarray:
    """Check one value per row, all of one type and none of them missing.

    Parameters
    ----------
    values : array-like, shape (n,) or (n, 1)
        One value per row.
    name : str
        Name of the argument, for messages.
    n_rows : int, optional
        Number of rows that the other arguments have.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If `values` is empty, is not one-dimensional, has another length, a missing value, or values of different types.
    """
    column, missing = read_values(values, name)
    if n_rows is not None and len(column) != n_rows:
        raise ValueError(
            f"{name} has {len(column)} rows, but y_true has {n_rows}; they must be the same rows."
        )
    if len(column) == 0:
        raise ValueError(f"{name} has no rows; at least one is needed.")
    if missing.any():
        raise ValueError(
            f"{name} has {int(missing.sum())} missing value(s), the first in row {int(np.argmax(missing))}; none are allowed."
        )
    return column


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def check_comparable(y_true: np.ndarray, y_pred: np.ndarray, name: str, other: str = "y_true") -> None:
    """Raise ValueError unless two columns can be equal, value by value, exactly where they mean the same.

    Parameters
    ----------
    y_true, y_pred : ndarray, shape (n,)
        As `as_column` returns them.
    name, other : str
        Names of `y_pred` and `y_true`, for messages.
    """
    kinds = kind_of(y_true), kind_of(y_pred)
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{name} and {other} have labels of different types: {_plain(y_pred[0])!r} ({kinds[1]}) and {_plain(y_true[0])!r} "
            f"({kinds[0]}); "
            "no prediction could ever be right. Give both as one type."
        )
    if "f" in (y_true.dtype.kind, y_pred.dtype.kind) or "O" in (y_true.dtype.kind, y_pred.dtype.kind):
        for column, its_name in ((y_true, other), (y_pred, name)):
            _check_exact(column, its_name)


def _check_exact(column: np.ndarray, name: str) -> None:
    """Refuse numbers that a float would not tell from their neighbours."""
    if column.dtype.kind not in "iuf" and not (column.dtype.kind == "O" and kind_of(column) == "number"):
        return
    if (large := np.abs(column if column.dtype.kind in "iO" else column.astype(float)) > MAX_EXACT).any():
        row = int(np.argmax(large))
        raise ValueError(
            f"{name} has the label {_plain(column[row])!r} in row {row}: floats do not tell integers above {MAX_EXACT:,} apart. Give "
            "all labels as integers of 64 bits, or as text."
        )


def as_weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """Check sample weights: numbers, finite, not negative, not all zero, and not so far apart that the small ones are lost.

    Returns
    -------
    ndarray of float, shape (n,), or None
        As they are; `scale_weights` brings them to where their squares are finite.
    """
    if sample_weight is None:
        return None
    weights = as_column(sample_weight, "sample_weight", n_rows)
    if kind_of(weights) != "number":
        raise ValueError(
            f"sample_weight must be numbers; got {weights[0]!r} in row 0, of type {kind_of(weights)}."
        )
    try:
        weights = weights.astype(float)
    except OverflowError as error:
        raise ValueError(f"sample_weight must be finite; a value is too large ({error}).") from error
    if not np.isfinite(weights).all() or (weights < 0).any():
        row = int(np.argmax(~np.isfinite(weights) | (weights < 0)))
        raise ValueError(
            f"sample_weight must be finite and not negative; its smallest value is {weights.min()}, and row {row} has "
            f"{weights[row]}."
        )
    if not weights.any():
        raise ValueError("sample_weight is zero for every row; at least one row needs a positive weight.")
    check_spread(float(weights[weights > 0].min()), float(weights.max()))
    return weights


#: Ratio of weights from which on the squares of the small ones vanish beside those of the large ones.
_MAX_RATIO = 1e100


def check_spread(smallest: float, largest: float) -> None:
    """Raise ValueError if some positive weights are lost beside others."""
    if largest > smallest * _MAX_RATIO:
        raise ValueError(
            f"sample_weight must be of comparable sizes; its positive values reach from {smallest:g} to {largest:g}."
        )


def weight_exponent(largest: float) -> int:
    """Power of two by which weights are divided so that their squares are finite; 0 for weights of usual sizes.

    Parameters
    ----------
    largest : float
        Largest weight.

    Returns
    -------
    int
    """
    exponent = int(np.frexp(largest)[1])
    return exponent if abs(exponent) > 256 else 0
