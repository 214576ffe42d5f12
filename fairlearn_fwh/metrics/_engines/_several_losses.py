"""Several losses of one lazy frame: kinds of people are counted once, where losses compare labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np

from .._core._alike import AlikeRows
from .._core._heaviest import Heaviest
from .._core._label_sets import as_objects
from .._core._losses import Loss, with_pos_label
from .._core._measurement import Measurement
from .._core._reading import check_pooled_groups
from .._inference._bootstrap import BootstrapSettings
from ._checks import Found
from ._columns import Columns
from ._labels import group_keys, numbers_of, read_labels
from ._losses import as_in_data, with_own
from ._measure import Engine, add_up, measure_lazily
from ._rows import N_ROWS, collect


def measure_losses_lazily(
    frame: nw.LazyFrame[Any],
    columns: Columns,
    losses: Loss | Mapping[str, Loss],
    bootstrap: BootstrapSettings,
    *,
    unit_key: bytes | None = None,
    **settings: Any,
) -> Measurement | dict[str, Measurement]:
    """Measure one loss or several; parameters as of `measure_lazily`.

    Raises
    ------
    ValueError
        As `measure_lazily`; if there are more than `max_cells` kinds of people.
    """
    if isinstance(losses, Loss):
        engine = Engine.look(frame, columns, losses, **settings)
        if engine.is_counted:
            return _measure_alike(engine, columns, {"": losses}, bootstrap)[""]
        return add_up(engine, columns, losses, bootstrap, unit_key=unit_key)
    compared = next((loss for loss in losses.values() if loss.predicts == "labels"), None)
    are_labels = all(loss.predicts in ("labels", "decisions") for loss in losses.values())
    if columns.units or compared is None or not are_labels:
        return {
            name: measure_lazily(frame, columns, loss, bootstrap, unit_key=unit_key, **settings)
            for name, loss in losses.items()
        }
    return _measure_alike(Engine.look(frame, columns, compared, **settings), columns, losses, bootstrap)


def _measure_alike(
    engine: Engine, columns: Columns, losses: Mapping[str, Loss], bootstrap: BootstrapSettings
) -> dict[str, Measurement]:
    """Count the kinds of people that there are, and read every loss of labels from them."""
    alike, layout, heaviest = _alike(engine, columns)
    assert engine.found.labels is not None
    everything = engine.found.labels.everything
    result = {}
    for name, loss in losses.items():
        complete = with_pos_label(as_in_data(loss, engine.found, is_file=engine.is_file), everything)
        measured = Measurement.of_cells(
            alike.cells(complete), layout, complete, columns.sample_weight is not None, bootstrap
        )
        result[name] = measured.about(engine.found.labels, engine.found.exponent, heaviest)
    return result


def _alike(engine: Engine, columns: Columns) -> tuple[AlikeRows, Any, Heaviest]:
    """Count the rows with equal groups and labels in the engine."""
    rows = with_own(engine.rows, columns).with_columns(
        weight_squared=nw.col("weight") * nw.col("weight"), wrong=nw.col("wrong") * nw.col(N_ROWS)
    )
    keys = {
        "y_true": columns.keys["y_true"],
        "y_pred": "own",
        "y_pred_pooled": columns.keys["y_pred_pooled"],
    } | {
        f"y_pred_by_group[{label!r}]": key
        for label, key in zip(columns.y_pred_by_group, columns.keys_of("y_pred_by_group"), strict=True)
    }
    grouped = list(dict.fromkeys([*group_keys(columns), *keys.values()]))
    query = rows.group_by(*grouped).agg(
        nw.col(N_ROWS).sum().alias("n"),
        nw.col("weight").sum().alias("weight_sum"),
        nw.col("weight_squared").sum().alias("weight_squared_sum"),
        nw.col("weight").max().alias("weight_max"),
        nw.col("wrong").sum().alias("wrong_sum"),
    )
    table = collect(query.head(engine.max_cells + 1))
    if len(table) > engine.max_cells:
        raise ValueError(
            f"The frame has more than max_cells={engine.max_cells:,} combinations of groups and labels. Raise max_cells, or ask for one loss at a "
            "time."
        )
    layout, assigned, audit = read_labels(table, columns, engine.pooled_groups)
    labels = {name: _labels_of(table[key], engine.found) for name, key in keys.items()}
    y = labels.pop("y_true")
    disagrees = np.asarray(labels["y_pred"] != labels["y_pred_pooled"], dtype=bool)
    check_pooled_groups(layout, assigned[disagrees])
    n = numbers_of(table, "n").astype(np.int64)
    weight = weight_squared = n.astype(float)
    heaviest = Heaviest.of_rows(layout.audit, audit, None)
    if columns.sample_weight is not None:
        heaviest = Heaviest.of_rows(layout.audit, audit, numbers_of(table, "weight_max"))
        weight, weight_squared = (numbers_of(table, f"{name}_sum") for name in ("weight", "weight_squared"))
    return AlikeRows(y, labels, disagrees, assigned, audit, n, weight, weight_squared), layout, heaviest


def _labels_of(column: nw.Series[Any], found: Found) -> np.ndarray:
    """Labels of a small table, as numbers where text is read as such."""
    labels = [
        found.numbers.get(label, label) if isinstance(label, str) else label for label in column.to_list()
    ]
    if all(isinstance(label, int | float) for label in labels):
        return np.asarray(labels)
    return as_objects([float(label) if type(label).__name__ == "Decimal" else label for label in labels])
