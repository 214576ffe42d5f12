"""What is wrong with the rows of a lazy frame, found by one query in its engine."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

from ...exceptions import UnreadableValueError
from .._core._label_sets import MISSING_WORDS, LabelSets
from .._core._losses import Loss
from .._core._values import MAX_EXACT, check_spread, weight_exponent
from ._columns import Columns
from ._rows import N_ROWS, NUMBER, FileColumns, as_number, collect, numeric_roles, read_numbers

#: Numbers as programs print them: no leading zeros, and a sign in exponents.
_PRINTED = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+][0-9]+)?")

#: Unsigned and longer integers, which not every engine compares exactly with signed ones of 64 bits.
_WIDE = (nw.UInt64, nw.UInt128, nw.Int128)


@dataclass(frozen=True)
class Found:
    """What a first look at the rows tells about the second.

    Attributes
    ----------
    labels : LabelSets or None
        Labels that occur, for losses that compare labels.
    numbers : dict from text to number
        Labels that are numbers written as text.
    exponent : int
        Power of two by which weights have to be divided.
    has_weightless : bool
        Whether some rows have weight 0.
    n_rows : int
        Number of rows.
    """

    labels: LabelSets | None
    numbers: dict[str, int | Decimal]
    exponent: int
    has_weightless: bool
    n_rows: int


def check_all_are_read(found: Found, file: FileColumns | None) -> None:
    """Raise ValueError if the engine read fewer, or more, rows than the file has."""
    if file is not None and file.n_rows not in (None, found.n_rows):
        raise ValueError(
            f"The engine read {found.n_rows:,} rows of a file of {file.n_rows:,}, so there is no verdict. Write the file again, or read it with another engine."
        )


def look_at_rows(
    rows: nw.LazyFrame[Any],
    columns: Columns,
    loss: Loss,
    stated: frozenset[Any] | None,
    *,
    is_text: bool,
    is_file: bool,
    max_cells: int,
) -> Found:
    """Look for what would be wrong in any frame, in one query (and one more for group classifiers with more than two labels).

    Parameters
    ----------
    rows : LazyFrame
        Of `select_roles`; of text, before numbers are read from it.
    columns : Columns
    loss : Loss
    stated : frozenset or None
        Labels that the user says there are.
    is_text : bool
        Whether all columns are text.
    is_file : bool
        Whether labels that are text are numbers if all of them are, as in a file.
    max_cells : int
        Most combinations of labels.

    Raises
    ------
    ValueError
        If the frame is empty, a value is missing, is not what its role needs, or labels are not those that were stated.
    """
    schema = rows.collect_schema()
    _check_types(columns, loss, schema, is_text=is_text)
    rows = rows.with_columns(**_marks(columns, loss, schema, is_text=is_text))
    table = collect(_look(rows, columns, loss, is_text=is_text).head(max_cells + 1))
    counts = _Counts(table)
    # Rows of weight zero must be readable, and are left out of all else.
    counted = table.filter(nw.col("is_counted") == 1)
    if not len(table) or not counts.sum("n"):
        raise ValueError("The frame has no rows; at least one is needed.")
    _check_missing(columns, counts, _joint(columns, loss))
    weights = _check_weights(columns, counts, is_text=is_text)
    if loss.predicts != "labels":
        _check_numbers(columns, loss, counts, _Counts(counted), is_text=is_text)
        return Found(None, {}, *weights, counts.sum("n"))
    sets = _label_sets(rows, counted, columns, max_cells)
    types = {schema[columns.keys[role]] for role in sets}
    is_spelled = is_text or (is_file and types == {nw.String()})
    numbers = _check_labels(sets, columns, schema, stated, is_text=is_spelled)
    if len(table) > max_cells:
        raise ValueError(
            f"y_true and predictions have more than max_cells={max_cells:,} combinations of labels; loss='zero_one' compares labels. Use "
            "loss='squared' or loss='absolute' for values, or raise max_cells."
        )
    if stated is not None and (numbers or (is_file and nw.String() not in types)):
        # Labels that are stated are spelled as in the file.
        stated = frozenset((read_numbers(frozenset([label])) or {}).get(label, label) for label in stated)
    read = {role: {numbers.get(label, label) for label in labels} for role, labels in sets.items()}
    truth = read.pop("y_true")
    return Found(LabelSets.of_labels(truth, read, stated), numbers, *weights, counts.sum("n"))


#: Labels of these columns are counted together; the classifiers of groups are many, and have labels of their own.
_JOINT = ("y_true", "y_pred", "y_pred_pooled")


def _joint(columns: Columns, loss: Loss) -> list[str]:
    """Keys of the labels that are counted together; none where the loss compares no labels."""
    if loss.predicts != "labels":
        return []
    return [columns.keys[role] for role in _JOINT if role in columns.keys]


def _look(rows: nw.LazyFrame[Any], columns: Columns, loss: Loss, *, is_text: bool) -> nw.LazyFrame[Any]:
    """Count what is wrong, for each combination of labels where the loss compares them."""
    joint = _joint(columns, loss)
    by_group = columns.keys_of("y_pred_by_group") if joint else []
    return rows.group_by("is_counted", *joint).agg(
        nw.col(N_ROWS).sum().alias("n"),
        *(
            nw.col(f"missing_{key}").sum().alias(f"missing_{key}")
            for key in columns.keys.values()
            if key not in joint
        ),
        *_number_checks(columns, loss, is_text=is_text),
        *(nw.col(key).min().alias(f"low_{key}") for key in by_group),
        *(nw.col(key).max().alias(f"high_{key}") for key in by_group),
        *(nw.col(key).n_unique().alias(f"count_{key}") for key in by_group),
    )


def _label_sets(
    rows: nw.LazyFrame[Any], counted: nw.DataFrame[Any], columns: Columns, max_cells: int
) -> dict[str, frozenset[Any]]:
    """Labels of the truth and of each prediction. The extremes of two labels are all of them; more are asked for."""
    keys, counts = columns.keys, _Counts(counted)
    sets = {role: _labels(counted[keys[role]]) for role in _JOINT if role in keys}
    for role in columns.roles_of("y_pred_by_group"):
        key = keys[role]
        sets[role] = _labels(counted[f"low_{key}"]) | _labels(counted[f"high_{key}"])
        if counts.max(f"count_{key}") > 2:
            distinct = rows.filter(nw.col("is_counted") == 1).select(key).unique()
            sets[role] = _labels(collect(distinct.head(max_cells + 1))[key])
    return sets


class _Counts:
    """Aggregates of several groups of rows, brought together."""

    def __init__(self, table: nw.DataFrame[Any]) -> None:
        self._table = table

    def _column(self, name: str) -> np.ndarray:
        values = np.asarray(self._table[name].to_list(), dtype=object)
        return np.array([value for value in values if value is not None and value == value])

    def sum(self, name: str) -> int:
        return int(sum(self._column(name)))

    def rows_without(self, key: str) -> int:
        """Rows in which a column that was grouped by has no value."""
        pairs = zip(self._table[key].to_list(), self._table["n"].to_list(), strict=True)
        return int(sum(n for value, n in pairs if value is None or value != value))

    def min(self, name: str) -> float:
        return min(map(float, self._column(name)), default=float("nan"))

    def max(self, name: str) -> float:
        return max(map(float, self._column(name)), default=float("nan"))


def _labels(column: nw.Series[Any]) -> frozenset[Any]:
    labels = (float(label) if isinstance(label, Decimal) else label for label in column.to_list())
    return frozenset(label for label in labels if label is not None and label == label)


def _check_types(columns: Columns, loss: Loss, schema: nw.Schema, *, is_text: bool) -> None:
    """Raise ValueError for columns whose type does not fit their role."""
    keys = columns.keys
    for role, key in keys.items():
        if schema[key] == nw.Binary:
            raise ValueError(f"{role} must be text or numbers; its column holds bytes. Decode them to text.")
        if schema[key] == nw.Duration:  # of which engines make different things
            raise ValueError(
                f"{role} must be text or numbers; its column holds durations. Give them as text."
            )
    if is_text:
        return
    if columns.sample_weight is not None and not schema[keys["sample_weight"]].is_numeric():
        dtype = schema[keys["sample_weight"]]
        raise ValueError(f"sample_weight must be numbers; column {columns.sample_weight!r} is {dtype}.")
    roles = columns.labels_and_predictions()
    kinds = {role: _kind(schema[keys[role]]) for role in roles}
    if loss.predicts == "labels":
        for role in roles[1:]:
            if kinds[role] != kinds["y_true"]:
                raise ValueError(
                    f"{role} and y_true have labels of different types ({kinds[role]} and {kinds['y_true']}); no prediction could "
                    "ever be right. Give both as one type."
                )
    if loss.predicts in ("decisions", "scores"):
        for role in roles[1:]:
            if kinds[role] != "number":
                is_score = loss.predicts == "scores"
                raise ValueError(f"{role} must be numbers." if is_score else _not_decisions(role))
        return
    for role in roles:
        if loss.predicts != "labels" and kinds[role] != "number":
            raise ValueError(f"loss={loss.name!r} needs numbers in {role}.")
        if loss.predicts == "probabilities" and role != "y_true" and not _is_real(schema[keys[role]]):
            raise ValueError(_not_probabilities(role, loss))


def _not_probabilities(role: str, loss: Loss) -> str:
    return (
        f"{role} has labels, but loss={loss.name!r} compares probabilities of the positive class. "
        "Give probabilities as floats, or loss='zero_one' with labels."
    )


def _is_real(dtype: Any) -> bool:
    return dtype.is_float() or dtype.is_decimal()


def _kind(dtype: Any) -> str:
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "number"
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return "text"
    if dtype == nw.Datetime:
        zone = "" if dtype.time_zone is None else " with a time zone"
        return f"timestamp{zone} in {dtype.time_unit}"
    return str(dtype).lower()


def _not_decisions(role: str) -> str:
    return f"loss='rejection' needs decisions in {role}: 1 or True means accepted, 0, -1 or False rejected."


def _marks(columns: Columns, loss: Loss, schema: nw.Schema, *, is_text: bool) -> dict[str, Any]:
    """Columns that mark what is missing, what is not a number, and the weights as numbers."""
    marks = {}
    for key in set(columns.keys.values()) - set(_joint(columns, loss)):
        missing = nw.col(key).is_null()
        marks[f"missing_{key}"] = (
            missing | nw.col(key).is_nan() if schema[key].is_float() else missing
        ).cast(nw.Int64) * nw.col(N_ROWS)
    for role in numeric_roles(columns, loss):
        key = columns.keys[role]
        marks[f"number_{key}"] = as_number(nw.col(key)) if is_text else nw.col(key).cast(nw.Float64)
        if is_text:
            marks[f"unreadable_{key}"] = (~nw.col(key).str.contains(NUMBER)).cast(nw.Int64)
            marks[f"fraction_{key}"] = (~nw.col(key).str.contains("^-?[0-9]+$")).cast(nw.Int64)
    for role in _limited_roles(columns, loss):
        number = marks[f"number_{columns.keys[role]}"]
        allowed = (-1, 0, 1) if loss.predicts == "decisions" else (0, 1)
        is_other = functools.reduce(operator.and_, (number != value for value in allowed))
        marks[f"other_{columns.keys[role]}"] = is_other.cast(nw.Int64)
    if columns.sample_weight is not None:
        weight = marks[f"number_{columns.keys['sample_weight']}"]
        marks["positive_weight"] = nw.when(weight > 0).then(weight)
        marks["is_counted"] = nw.when(weight > 0).then(nw.lit(1)).otherwise(nw.lit(0))
    else:
        marks["is_counted"] = nw.lit(1)
    return marks


def _limited_roles(columns: Columns, loss: Loss) -> list[str]:
    """Roles that may hold few numbers only: decisions, or the truth beside probabilities."""
    roles = columns.labels_and_predictions()
    return {"decisions": roles[1:], "probabilities": roles[:1]}.get(loss.predicts, [])


def _number_checks(columns: Columns, loss: Loss, *, is_text: bool) -> list[Any]:
    checks = []
    for role in numeric_roles(columns, loss):
        key = columns.keys[role]
        number = nw.col(f"number_{key}")
        checks += [number.min().alias(f"low_{key}"), number.max().alias(f"high_{key}")]
        if is_text:
            checks += [
                nw.col(f"{what}_{key}").sum().alias(f"{what}_{key}") for what in ("unreadable", "fraction")
            ]
    if columns.sample_weight is not None:
        checks.append(nw.col("positive_weight").min().alias("smallest_positive_weight"))
    for role in _limited_roles(columns, loss):
        key = f"other_{columns.keys[role]}"
        checks.append(nw.col(key).sum().alias(key))
    return checks


def _check_missing(columns: Columns, counts: _Counts, joint: list[str]) -> None:
    for role, key in columns.keys.items():
        count = counts.rows_without(key) if key in joint else counts.sum(f"missing_{key}")
        if count:
            message = f"{role} has {count} missing value(s); none are allowed."
            raise UnreadableValueError(message, columns.by_role()[role], "missing")


def _check_readable(role: str, columns: Columns, counts: _Counts, what: str) -> None:
    if count := counts.sum(f"unreadable_{columns.keys[role]}"):
        raise UnreadableValueError(
            f"{role} must be {what}; {count} value(s) are not.", columns.by_role()[role], "number"
        )


def _check_weights(columns: Columns, counts: _Counts, *, is_text: bool) -> tuple[int, bool]:
    """Return the power of two by which weights have to be divided, and whether some are 0."""
    if columns.sample_weight is None:
        return 0, False
    if is_text:
        _check_readable("sample_weight", columns, counts, "numbers")
    key = columns.keys["sample_weight"]
    smallest, largest = counts.min(f"low_{key}"), counts.max(f"high_{key}")
    if smallest < 0 or not np.isfinite(largest):
        raise ValueError(
            f"sample_weight must be finite and not negative; its smallest value is {smallest} and its largest {largest}."
        )
    if not largest:
        raise ValueError("sample_weight is zero for every row; at least one row needs a positive weight.")
    check_spread(counts.min("smallest_positive_weight"), largest)
    return weight_exponent(largest), smallest == 0


def _check_numbers(columns: Columns, loss: Loss, counts: _Counts, counted: _Counts, *, is_text: bool) -> None:
    """Check the values of losses that compare numbers: all must be readable, those of rows with weight within their limits."""
    roles, keys = columns.labels_and_predictions(), columns.keys
    for role in roles:
        if is_text and role in numeric_roles(columns, loss):
            _check_readable(role, columns, counts, "numbers")
    if loss.predicts == "decisions":
        for role in roles[1:]:
            if counted.sum(f"other_{keys[role]}"):
                raise ValueError(_not_decisions(role))
        return
    roles = roles[1:] if loss.predicts == "scores" else roles
    bounds = {role: (counted.min(f"low_{keys[role]}"), counted.max(f"high_{keys[role]}")) for role in roles}
    for role, limits in bounds.items():
        if not np.isfinite(limits).all():
            raise ValueError(
                f"{role} must be finite."
                if loss.predicts == "scores"
                else f"loss {loss.name!r} is not finite for some rows of {role}."
            )
    if loss.predicts != "probabilities":
        return
    if counted.sum(f"other_{keys['y_true']}"):
        raise ValueError(f"loss={loss.name!r} needs y_true in {{0, 1}}.")
    for role in roles[1:]:
        low, high = bounds[role]
        if low < 0 or high > 1:
            raise ValueError(
                f"loss={loss.name!r} needs probabilities of the positive class in {role}, from 0 to 1."
            )
        if is_text and not counts.sum(f"fraction_{keys[role]}"):
            raise ValueError(_not_probabilities(role, loss))


def _check_labels(
    sets: dict[str, frozenset[Any]],
    columns: Columns,
    schema: nw.Schema,
    stated: frozenset[Any] | None,
    *,
    is_text: bool,
) -> dict[str, int | Decimal]:
    """Check labels of all columns; in files say which of them are numbers.

    Returns
    -------
    dict from text to number
        All labels, if all of them are numbers written as text; otherwise empty.
    """
    numbers: dict[str, int | Decimal] = {}
    if is_text:
        everything = frozenset[Any]().union(*sets.values())
        numbers = read_numbers(everything) or {}
        if numbers and (codes := _codes(numbers)):
            if stated is None or not stated.issuperset(codes):
                raise ValueError(
                    f"The label {codes[0]!r} occurs, and {codes[1]!r}: one label if they are numbers, two if they are codes. Write one spelling, or name both by "
                    "labels=[...] (--labels) if they are codes."
                )
            numbers = {}
        if not numbers and (stated is None or not everything <= stated):
            _check_for_missing_words(sets, columns)
    for role, labels in sets.items():
        read = [numbers.get(label, label) for label in labels]
        if endless := [label for label in read if isinstance(label, float) and not np.isfinite(label)]:
            raise ValueError(f"{role} has the label {endless[0]}, which is not a label. Leave such rows out.")
        fractions = [label for label in read if isinstance(label, float | Decimal) and label != int(label)]
        if fractions:
            remedy = (
                "Use loss='squared' or loss='absolute' for values."
                if role == "y_true"
                else "Give predicted labels, or loss='brier' or loss='log' with probabilities."
            )
            raise ValueError(
                f"{role} has fractions such as {min(fractions)}, but loss='zero_one' compares labels. {remedy}"
            )
    dtypes = [schema[columns.keys[role]] for role in sets]
    if not is_text and (any(map(_is_real, dtypes)) or any(dtype in _WIDE for dtype in dtypes)):
        limit = MAX_EXACT if any(map(_is_real, dtypes)) else 2**63 - 1
        _check_size(sets, limit)
    return numbers


def _codes(numbers: dict[str, int | Decimal]) -> list[str]:
    """Two spellings of one number of which the first is not as programs write numbers: 0101 beside 101, 1E2 beside 100; none if there are no such."""
    by_number: dict[int | Decimal, list[str]] = {}
    for text in sorted(numbers, key=lambda text: _PRINTED.fullmatch(text) is not None):
        by_number.setdefault(numbers[text], []).append(text)
    return next(
        (texts[:2] for texts in by_number.values() if len(texts) > 1 and not _PRINTED.fullmatch(texts[0])), []
    )


def _check_for_missing_words(sets: dict[str, frozenset[Any]], columns: Columns) -> None:
    for role, labels in sets.items():
        words = frozenset(label for label in labels if str(label).strip().casefold() in MISSING_WORDS)
        if words and len(labels) > len(words) and read_numbers(labels - words) is not None:
            word = min(words)
            raise UnreadableValueError(
                f"{role} has {word!r} beside numbers. If it means that the value is missing, leave such rows out; if it is a label, name "
                "it by labels=[...] (--labels).",
                columns.by_role()[role],
                word,
            )


def _check_size(sets: dict[str, Iterable[Any]] | dict[str, frozenset[Any]], limit: int) -> None:
    for role, labels in sets.items():
        if large := [label for label in labels if abs(label) > limit]:
            raise ValueError(
                f"{role} has the label {large[0]}: numbers above {limit:,} are not told apart here. Give all labels as integers of 64 "
                "bits, or as text."
            )
