"""What is wrong with the rows of a lazy frame, found by one query in its engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np

from ._columns import Columns
from ._losses import Loss


def check_rows(rows: nw.LazyFrame[Any], columns: Columns, loss: Loss) -> None:
    """Look for what would be wrong in any frame, in one query."""
    schema = rows.collect_schema()
    kinds = {
        role: "number" if schema[role].is_numeric() else "text" for role in ["y_true", *columns.predictions()]
    }
    floats = [role for role, dtype in schema.items() if dtype.is_float()]
    checks = {"n": nw.len()}
    for i, role in enumerate(schema):
        missing = nw.col(role).is_null()
        checks[f"missing_{i}"] = (
            (missing | nw.col(role).is_nan() if role in floats else missing).cast(nw.Int64).sum()
        )
    if columns.sample_weight is not None:
        if not schema["sample_weight"].is_numeric():
            raise ValueError(
                f"sample_weight must be numbers; column {columns.sample_weight!r} is {schema['sample_weight']}."
            )
        weight = nw.col("sample_weight")
        checks |= {"weight_min": weight.min(), "weight_max": weight.max(), "weight_sum": weight.sum()}
    value_checks, complain = _value_checks(columns, loss, kinds, floats)
    result = {
        name: column.item()
        for name, column in rows.select(**checks, **value_checks).collect().to_dict().items()
    }
    if not result["n"]:
        raise ValueError("The frame has no rows; at least one is needed.")
    for i, role in enumerate(schema):
        if count := int(result[f"missing_{i}"]):
            raise ValueError(f"{role} has {count} missing value(s); none are allowed.")
    if columns.sample_weight is not None:
        smallest, largest = float(result["weight_min"]), float(result["weight_max"])
        if smallest < 0 or not np.isfinite(largest):
            raise ValueError(
                f"sample_weight must be finite and not negative; its smallest value is {smallest}."
            )
        if not result["weight_sum"]:
            raise ValueError("sample_weight is zero for every row; at least one row needs a positive weight.")
    complain(result)


def _value_checks(
    columns: Columns, loss: Loss, kinds: dict[str, str], floats: list[str]
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], None]]:
    """Return expressions that check the values that the loss needs, and what to do with their results."""
    predictions = columns.predictions()
    if loss.predicts == "labels":
        for role in predictions:
            if kinds[role] != kinds["y_true"]:
                raise ValueError(
                    f"{role} and y_true have labels of different types ({kinds[role]} and {kinds['y_true']}); no prediction could "
                    "ever be right."
                )
        fractions = {
            f"fractions_{i}": (nw.col(role) != nw.col(role).round(0)).cast(nw.Int64).sum()
            for i, role in enumerate(["y_true", *predictions])
            if role in floats
        }

        def complain(result: dict[str, Any]) -> None:
            if result.get("fractions_0"):
                raise ValueError(
                    "y_true has fractions, but loss='zero_one' compares labels. "
                    "Use loss='squared' or loss='absolute' for values."
                )
            for i, role in enumerate(predictions, start=1):
                if result.get(f"fractions_{i}"):
                    raise ValueError(
                        f"{role} has fractions, but loss='zero_one' compares labels. "
                        "Give predicted labels, or loss='brier' or loss='log' with probabilities."
                    )

        return fractions, complain
    if loss.predicts == "decisions":
        return _decision_checks(predictions, kinds)
    for role in ["y_true", *predictions]:
        if kinds[role] != "number":
            raise ValueError(f"loss={loss.name!r} needs numbers in {role}.")
    if loss.predicts == "probabilities":
        for role in predictions:
            if role not in floats:
                raise ValueError(
                    f"{role} has labels, but loss={loss.name!r} compares probabilities of the positive class. "
                    "Give probabilities as floats, or loss='zero_one' with labels."
                )
    ranges: dict[str, Any] = {}
    for i, role in enumerate(["y_true", *predictions]):
        ranges |= {f"low_{i}": nw.col(role).min(), f"high_{i}": nw.col(role).max()}
    y = nw.col("y_true")
    ranges["between"] = ((y != 0) & (y != 1)).cast(nw.Int64).sum()

    def complain_about_range(result: dict[str, Any]) -> None:
        for i, role in enumerate(["y_true", *predictions]):
            if not np.isfinite([float(result[f"low_{i}"]), float(result[f"high_{i}"])]).all():
                raise ValueError(f"loss {loss.name!r} is not finite for some rows of {role}.")
        if loss.predicts != "probabilities":
            return
        if result["between"]:
            raise ValueError(f"loss={loss.name!r} needs y_true in {{0, 1}}.")
        for i, role in enumerate(predictions, start=1):
            if result[f"low_{i}"] < 0 or result[f"high_{i}"] > 1:
                raise ValueError(
                    f"loss={loss.name!r} needs probabilities of the positive class in {role}, from 0 to 1."
                )

    return ranges, complain_about_range


def _decision_checks(
    predictions: list[str], kinds: dict[str, str]
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], None]]:
    def complain(result: dict[str, Any]) -> None:
        for i, role in enumerate(predictions):
            if kinds[role] != "number" or result[f"other_{i}"]:
                raise ValueError(
                    f"loss='rejection' needs decisions in {role}: 1 or True means accepted, 0, -1 or False rejected."
                )

    others = {
        f"other_{i}": (~nw.col(role).is_in([-1, 0, 1])).cast(nw.Int64).sum()
        for i, role in enumerate(predictions)
        if kinds[role] == "number"
    }
    return others, complain
