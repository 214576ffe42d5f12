"""Losses and derived statistics as expressions of an engine."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np

from .._core._cells import DERIVED
from .._core._groups import POOLED, ROUNDING
from .._core._losses import EPSILON, Loss, with_pos_label
from ._checks import Found
from ._columns import Columns
from ._rows import read_numbers

OWN, POOLED_LOSS = "loss_own", "loss_pooled"


def as_in_data(loss: Loss, found: Found, *, is_file: bool) -> Loss:
    """Read labels that a loss names as those of the data are: in a file they are stated as spelled there."""
    if found.labels is None:
        return loss
    known = found.labels.everything

    def read(label: Any) -> Any:
        if isinstance(label, str) and (found.numbers or is_file) and label not in known:
            return (read_numbers(frozenset([label])) or {}).get(label, label)
        return label

    if loss.costs is not None:
        costs = loss.costs._renamed({label: read(label) for label in loss.costs.classes.tolist()})
        if unknown := sorted(known - set(costs.classes.tolist()), key=str):
            raise ValueError(
                f"There are no costs for the label {unknown[0]!r}; classes are {costs.classes.tolist()}."
            )
        if is_file and (idle := sorted(set(costs.classes.tolist()) - known, key=str)):
            raise ValueError(
                f"There are costs for the label {idle[0]!r}, which does not occur; labels are {sorted(known, key=str)[:10]!r}. Spell it as in the file, or "
                "name it by labels=[...] (--labels)."
            )
        return replace(loss, function=costs)
    return loss if loss.pos_label is None else replace(loss, pos_label=read(loss.pos_label))


def spelled(label: Any, found: Found, dtype: Any) -> list[Any]:
    """How a label is spelled in a column of labels."""
    texts: list[Any] = [text for text, number in found.numbers.items() if number == label]
    return texts if texts and dtype == nw.String() else [float(label) if found.numbers else label]


def concerned_rows(
    rows: nw.LazyFrame[Any], columns: Columns, loss: Loss, found: Found
) -> tuple[nw.LazyFrame[Any], Loss, list[Any]]:
    """Keep the people whom a loss concerns; with its positive label, and how that is spelled in the columns.

    Raises
    ------
    ValueError
        If there are none, or the positive label does not occur.
    """
    assert found.labels is not None
    loss = with_pos_label(loss, found.labels.everything)
    key = columns.keys["y_true"]
    values = spelled(loss.pos_label, found, rows.collect_schema()[key])
    if loss.concerns is None:
        return rows, loss, values
    is_positive = _is_any(nw.col(key), values)
    kept = rows.filter(is_positive if loss.concerns == "positives" else ~is_positive)
    return kept, loss, values


def with_own(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """Add what each person got, and whether `y_pred` contradicts `groups`."""
    keys = columns.keys
    rows = _without_rounding(rows, columns)
    pooled = nw.col(keys["y_pred_pooled"])
    own = nw.col(keys["y_pred"]) if columns.y_pred is not None else pooled
    wrong = nw.lit(0)
    if columns.y_pred_by_group:
        picked = pooled
        for label in columns.y_pred_by_group:
            picked = (
                nw.when(_is_group(columns, label))
                .then(nw.col(keys[f"y_pred_by_group[{label!r}]"]))
                .otherwise(picked)
            )
        if columns.y_pred is not None:
            wrong = _differ(own, picked, rows.collect_schema()[keys["y_pred"]]).cast(nw.Int64)
        own = picked
    elif len(columns.groups) == 1 and rows.collect_schema()[columns.keys_of("groups")[0]] == nw.String:
        wrong = ((own != pooled) & _is_group(columns, POOLED)).cast(nw.Int64)
    return rows.with_columns(own=own, wrong=wrong)


def _without_rounding(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """As `without_rounding` of rows in memory."""
    schema, keys = rows.collect_schema(), columns.keys
    pooled_key = keys["y_pred_pooled"]
    if not schema[pooled_key].is_float():
        return rows
    pooled = nw.col(pooled_key)
    others = [
        keys[role] for role in columns.labels_and_predictions() if role not in ("y_true", "y_pred_pooled")
    ]
    return rows.with_columns(
        **{
            key: nw.when((nw.col(key) - pooled).abs() <= pooled.abs() * ROUNDING)
            .then(pooled)
            .otherwise(nw.col(key))
            for key in others
            if schema[key].is_float()
        }
    )


def _differ(own: Any, picked: Any, dtype: Any) -> Any:
    """Where two columns of one model's predictions contradict each other, as `numpy.isclose` has it."""
    return (own - picked).abs() > picked.abs() * 1e-5 + 1e-8 if dtype.is_float() else own != picked


def with_losses(
    rows: nw.LazyFrame[Any], columns: Columns, loss: Loss, positives: list[Any], found: Found
) -> nw.LazyFrame[Any]:
    """Add the losses, and whether own and pooled prediction differ."""
    keys = columns.keys
    rows = with_own(rows, columns)
    pooled = nw.col(keys["y_pred_pooled"])
    truth = nw.col(keys["y_true"])
    dtype = rows.collect_schema()[keys["y_true"]]

    def of(predicted: nw.Expr) -> nw.Expr:
        if loss.costs is not None:
            return _cost(loss.costs, truth, predicted, lambda label: spelled(label, found, dtype))
        if loss.concerns == "negatives":
            return _is_any(predicted, positives).cast(nw.Int64)
        if loss.name == "rejection" and positives:
            return (~_is_any(predicted, positives)).cast(nw.Int64)
        return _loss(loss, truth, predicted)

    by_group = {_loss_of(i): of(nw.col(key)) for i, key in enumerate(columns.keys_of("y_pred_by_group"))}
    return rows.with_columns(
        **{
            OWN: of(nw.col("own")),
            POOLED_LOSS: of(pooled),
        },
        **by_group,
        disagrees=(nw.col("own") != pooled).cast(nw.Int64),
    )


def _cost(costs: Any, truth: Any, predicted: Any, spelling: Callable[[Any], list[Any]]) -> Any:
    """Costs of wrong decisions, one comparison for each that costs anything."""
    value = nw.lit(0.0)
    for i, j in zip(*np.nonzero(costs.cost_matrix), strict=True):
        labels = (costs.classes.tolist()[k] for k in (i, j))
        is_this = functools.reduce(
            operator.and_,
            (
                _is_any(column, spelling(label))
                for column, label in zip((truth, predicted), labels, strict=True)
            ),
        )
        value = nw.when(is_this).then(nw.lit(float(costs.cost_matrix[i, j]))).otherwise(value)
    return value


def _is_any(labels: Any, values: list[Any]) -> Any:
    """Whether labels are one of a few values; one comparison each, because `is_in` wants one type."""
    return functools.reduce(operator.or_, [labels == value for value in values])


def _is_group(columns: Columns, label: Any) -> Any:
    labels = label if len(columns.groups) > 1 else (label,)
    equal = [nw.col(key) == value for key, value in zip(columns.keys_of("groups"), labels, strict=True)]
    return functools.reduce(operator.and_, equal)


def loss_columns(columns: Columns) -> list[str]:
    return [OWN, POOLED_LOSS, *(_loss_of(i) for i in range(len(columns.y_pred_by_group)))]


def _loss_of(i: int) -> str:
    return f"loss_{i}"


def _loss(loss: Loss, y: Any, p: Any) -> Any:
    """`_losses` as an expression, cut off at the loss's limit."""
    value = _uncut_loss(loss, y, p)
    if loss.limit is None:
        return value
    return nw.when(value > loss.limit).then(nw.lit(loss.limit)).otherwise(value)


def _uncut_loss(loss: Loss, y: Any, p: Any) -> Any:
    if loss.name == "rejection":
        return (p != 1).cast(nw.Int64)
    if loss.is_binary:
        return (y != p).cast(nw.Int64)
    if loss.name == "log":
        clipped = nw.when(p < EPSILON).then(nw.lit(EPSILON)).otherwise(p)
        clipped = nw.when(p > 1 - EPSILON).then(nw.lit(1 - EPSILON)).otherwise(clipped)
        return 0 - nw.when(y == 1).then(clipped).otherwise(1 - clipped).log()
    difference = y - p
    if loss.quantile is not None:
        low, high = loss.quantile * difference, (loss.quantile - 1) * difference
        return nw.when(difference > 0).then(low).otherwise(high)
    return difference.abs() if loss.name == "absolute" else difference * difference


def with_statistics(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """Add the derived statistics, as numbers; unknown ones are 0."""
    own, pooled = nw.col(OWN), nw.col(POOLED_LOSS)
    others = [nw.col(name) for name in loss_columns(columns)[1:]]
    nobody = nw.lit(0.0)
    without_harm = functools.reduce(operator.and_, [own <= other for other in others])
    strict = without_harm & functools.reduce(operator.or_, [own < other for other in others])
    has_envy = bool(columns.y_pred_by_group)
    derived = [
        without_harm.cast(nw.Float64) if has_envy else nobody,
        strict.cast(nw.Float64) if has_envy else nobody,
        (own > pooled).cast(nw.Float64),
        (own < pooled).cast(nw.Float64),
        nw.col("disagrees").cast(nw.Float64),
    ]
    return rows.with_columns(everybody=nw.lit(0), **dict(zip(DERIVED, derived, strict=True)))
