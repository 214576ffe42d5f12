"""Measuring where the data are: an engine groups the rows, and only cells or sums come back."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from .._core._cells import DERIVED, LossCells
from .._core._heaviest import Heaviest
from .._core._histograms import BINS, GainHistograms
from .._core._losses import LOSSES, Loss, nobody_concerned, resolve_loss
from .._core._measurement import Measurement, can_be_bet_on, find_pairs
from .._core._reading import (
    all_weightless,
    check_pooled_groups,
    read_labels_for,
    read_pooled_groups,
)
from .._core._sums import GroupSums
from .._core._unit_hashes import UnitHashes
from .._inference._bootstrap import BootstrapSettings
from ._checks import Found, check_all_are_read, look_at_rows
from ._columns import Columns
from ._labels import group_keys, numbers_of, read_labels
from ._losses import OWN, as_in_data, concerned_rows, loss_columns, with_losses, with_statistics
from ._rows import (
    N_ROWS,
    FileColumns,
    collect,
    count_alike,
    in_one_spelling,
    numeric_roles,
    select_roles,
    with_numbers,
    with_plain_types,
)
from ._units import check_spellings_of_units, distinct_units, unit_parts, units_of

_OF_LABELS = (
    nw.String,
    nw.Boolean,
    nw.Int8,
    nw.Int16,
    nw.Int32,
    nw.Int64,
    nw.UInt8,
    nw.UInt16,
    nw.UInt32,
    nw.UInt64,
)

#: Kinds of rows of a file that are held in memory; more are not quicker to add up than rows.
_MOST_KINDS = 100_000


@dataclass(frozen=True)
class Engine:
    """A lazy frame that was looked at, and what was found.

    Attributes
    ----------
    rows : LazyFrame
        Its rows that count, each column as its role needs it, with `weight`.
    found : Found
    pooled_groups : frozenset
    max_cells : int
    is_file : bool
    is_counted : bool
        Whether a row stands for all that are equal to it, `N_ROWS` of them.
    """

    rows: nw.LazyFrame[Any]
    found: Found
    pooled_groups: frozenset[Any]
    max_cells: int
    is_file: bool
    is_counted: bool

    @classmethod
    def look(
        cls,
        frame: nw.LazyFrame[Any],
        columns: Columns,
        loss: Loss,
        *,
        pooled_groups: Iterable[Any] = (),
        labels: Any = None,
        max_cells: int,
        file: FileColumns | None = None,
    ) -> Engine:
        """Check a frame by one query; parameters and errors as of `measure_lazily`."""
        if (
            loss.costs is None
            and loss.quantile is None
            and (loss.name not in LOSSES or resolve_loss(loss.name, loss.limit, loss.pos_label) != loss)
        ):
            raise ValueError(
                f"loss must be one of {sorted(LOSSES)} for a lazy frame, a MisclassificationCost or a PinballLoss; a function cannot run in its engine."
            )
        stated = read_labels_for(loss, labels)
        is_text = file is not None and file.n_rows is not None
        rows = select_roles(frame, columns, file)
        rows = rows if is_text else with_plain_types(rows, columns)
        counted = None
        if file is not None and _is_about_labels(rows, columns, loss):
            counted = count_alike(rows, min(max_cells, _MOST_KINDS))
        rows = rows.with_columns(**{N_ROWS: nw.lit(1)}) if counted is None else counted
        found = look_at_rows(
            rows, columns, loss, stated, is_text=is_text, is_file=file is not None, max_cells=max_cells
        )
        check_all_are_read(found, file)
        check_spellings_of_units(rows, columns)
        rows = with_numbers(rows, columns, loss) if is_text else rows
        compared = [columns.keys[role] for role in columns.labels_and_predictions()]
        rows = in_one_spelling(rows, compared, found.numbers)
        rows = _with_weights(rows, columns, found)
        if loss.predicts != "labels":  # small integers overflow when they are subtracted or multiplied
            numbers = [columns.keys[role] for role in numeric_roles(columns, loss)]
            rows = rows.with_columns(**{key: nw.col(key).cast(nw.Float64) for key in numbers})
        return cls(
            rows, found, read_pooled_groups(pooled_groups), max_cells, file is not None, counted is not None
        )


def _is_about_labels(rows: nw.LazyFrame[Any], columns: Columns, loss: Loss) -> bool:
    """Whether rows have labels and groups alone, of types that are the same wherever they are held."""
    if loss.predicts != "labels" or columns.units or columns.sample_weight is not None:
        return False
    return all(dtype in _OF_LABELS for dtype in rows.collect_schema().dtypes())


def measure_lazily(
    frame: nw.LazyFrame[Any],
    columns: Columns,
    loss: Loss,
    bootstrap: BootstrapSettings,
    *,
    pooled_groups: Iterable[Any] = (),
    labels: Any = None,
    max_cells: int,
    file: FileColumns | None = None,
    unit_key: bytes | None = None,
) -> Measurement:
    """Measure a lazy frame: one query that checks it and one that adds it up.

    Parameters
    ----------
    frame : LazyFrame
    columns : Columns
    loss : Loss
    bootstrap : BootstrapSettings
    pooled_groups, labels, max_cells
        As of `PreferenceFrame.from_frame`.
    file : FileColumns, optional
        Names of the columns of a file. If all of them are text, values are read as their roles need them; labels are numbers if all labels
        of truth and predictions are.
    unit_key : bytes, optional
        Of `read_key`.

    Raises
    ------
    ValueError
        If the frame is empty, a value is missing or of the wrong kind, or there are more than `max_cells` cells.
    """
    engine = Engine.look(
        frame,
        columns,
        loss,
        pooled_groups=pooled_groups,
        labels=labels,
        max_cells=max_cells,
        file=file,
    )
    return add_up(engine, columns, loss, bootstrap, unit_key=unit_key)


def add_up(
    engine: Engine, columns: Columns, loss: Loss, bootstrap: BootstrapSettings, *, unit_key: bytes | None
) -> Measurement:
    """Add up the losses of a frame that was looked at; parameters and errors as of `measure_lazily`."""
    rows, found, pooled_groups, is_file = engine.rows, engine.found, engine.pooled_groups, engine.is_file
    max_cells = engine.max_cells
    everybody = rows
    positives: list[Any] = []
    loss = as_in_data(loss, found, is_file=is_file)
    if loss.concerns is not None or loss.pos_label is not None:
        rows, loss, positives = concerned_rows(rows, columns, loss, found)
    losses = with_losses(rows, columns, loss, positives, found)
    by_vector = bootstrap.n_boot is not None and not columns.units
    query = _group_by_losses(losses, columns) if by_vector else _group_and_sum(losses, columns)
    table = collect(query.head(max_cells + 1))
    if len(table) > max_cells:
        what = "distinct losses and groups" if by_vector else "groups"
        raise ValueError(
            f"The frame has more than max_cells={max_cells:,} combinations of {what}. Raise max_cells, or leave out "
            "n_boot, whose replicates are drawn from them."
        )
    if loss.concerns is not None and not len(table):
        raise ValueError(nobody_concerned(loss))
    layout, assigned, audit = read_labels(table, columns, pooled_groups)
    weighted = columns.sample_weight is not None
    heaviest = Heaviest.of_rows(layout.audit, audit, numbers_of(table, "weight_max") if weighted else None)
    if by_vector:
        cells = _read_cells(table, columns, assigned, audit)
        check_pooled_groups(layout, assigned[cells.disagrees])
        measured = Measurement.of_cells(cells, layout, loss, weighted, bootstrap)
    else:
        sums_of_rows = _read_sums(table, columns)
        check_pooled_groups(layout, assigned[sums_of_rows.value[:, -1] > 0])
        (assigned, audit), pairs = find_pairs(assigned, audit, len(layout.audit))
        sums = sums_of_rows.aggregate(pairs, len(assigned))
        measured = Measurement(
            layout=layout,
            loss=loss,
            weighted=weighted,
            assigned=assigned,
            audit=audit,
            sums=sums,
            replicates=None,
            histograms=_histograms(losses, columns, loss, pooled_groups)
            if can_be_bet_on(loss, weighted) and not columns.units
            else None,
        )
    if columns.units:
        hashes = None if unit_key is None else UnitHashes.of(distinct_units(losses, columns), unit_key)
        measured = measured.clustered(units_of(losses, columns, table, measured), hashes)
        measured = measured.with_replicates(
            bootstrap, lambda: unit_parts(losses, columns, measured.layout, max_cells)
        )
    if loss.concerns is not None:
        measured = measured.with_audit_groups(_audit_groups(everybody, columns, pooled_groups))
    return measured.about(found.labels, found.exponent, heaviest)


def _audit_groups(rows: nw.LazyFrame[Any], columns: Columns, pooled_groups: frozenset[Any]) -> list[Any]:
    """Labels of all audit groups, also of those whom the loss does not concern."""
    keys = group_keys(columns)
    if not keys:
        return []
    table = collect(rows.select(*dict.fromkeys(keys)).unique().with_columns(wrong_sum=nw.lit(0)))
    layout, _, _ = read_labels(table, columns, pooled_groups)
    return layout.audit


def _with_weights(rows: nw.LazyFrame[Any], columns: Columns, found: Found) -> nw.LazyFrame[Any]:
    """Leave out rows of weight zero, and bring weights to where their squares are finite.

    Raises
    ------
    ValueError
        If nobody of a group is left.
    """
    if columns.sample_weight is None:
        return rows.with_columns(weight=nw.lit(1.0))
    key = columns.keys["sample_weight"]
    rows = rows.with_columns(weight=nw.col(key).cast(nw.Float64))
    audited = columns.keys_of("sensitive_features") or columns.keys_of("groups")
    keys, exponent = [*columns.keys_of("control_features"), *audited], found.exponent
    if found.has_weightless and keys:
        most = rows.group_by(*keys).agg(nw.col("weight").max().alias("most")).filter(nw.col("most") <= 0)
        if len(table := collect(most.head(1))):
            label = tuple(table[name][0] for name in keys)
            raise ValueError(all_weightless(label if len(label) > 1 else label[0]))
    rows = rows.filter(nw.col("weight") > 0)
    # In two steps, because a power of two as large as a weight may be is not a float.
    for part in (exponent // 2, exponent - exponent // 2) if exponent else ():
        rows = rows.with_columns(weight=nw.col("weight") * 2.0**-part)
    return rows


def _group_by_losses(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    weight = nw.col("weight")
    rows = rows.with_columns(weight_squared=weight * weight)
    return rows.group_by(*group_keys(columns), *loss_columns(columns), "disagrees").agg(
        nw.len().alias("n"),
        weight.sum().alias("weight_sum"),
        nw.col("weight_squared").sum().alias("weight_squared_sum"),
        weight.max().alias("weight_max"),
        nw.col("wrong").sum().alias("wrong_sum"),
    )


def _group_and_sum(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """Sums of all statistics, of their squares and squared differences from the own loss, with weights and squared weights."""
    own = nw.col(OWN)
    rows = with_statistics(rows, columns)
    rows = rows.with_columns(weight_squared=nw.col("weight") * nw.col("weight"))
    products: dict[str, Any] = {}
    for power, weight in _weights(columns).items():
        for i, name in enumerate([*loss_columns(columns), *DERIVED]):
            x, w = nw.col(name), nw.col(weight)
            products |= {
                f"value{power}_{i}": x * w,
                f"square{power}_{i}": x * x * w,
                f"apart{power}_{i}": (x - own) * (x - own) * w,
            }
    return (
        rows.with_columns(**products)
        .group_by(*(group_keys(columns) or ["everybody"]))
        .agg(
            nw.len().alias("n"),
            nw.col("weight").sum().alias("weight_sum"),
            nw.col("weight_squared").sum().alias("weight_squared_sum"),
            nw.col("weight").max().alias("weight_max"),
            nw.col("wrong").sum().alias("wrong_sum"),
            *(nw.col(name).sum().alias(f"sum_{name}") for name in products),
        )
    )


def _histograms(
    rows: nw.LazyFrame[Any], columns: Columns, loss: Loss, pooled_groups: frozenset[Any]
) -> GainHistograms:
    """Count gains by groups and bins, as `GainHistograms.of`: one query per classifier that the own one is compared with."""
    parts = []
    for position, name in enumerate(loss_columns(columns)[1:], start=1):
        gains = rows.with_columns(gain=nw.col(name) - nw.col(OWN), everybody=nw.lit(0))
        # As `bin_of`; whole numbers by subtraction, as engines cast differently.
        gains = gains.with_columns(root=(nw.col("gain").abs() / loss.span) ** 0.5 * BINS)
        gains = gains.with_columns(near=nw.col("root") - nw.col("root") % 1.0)
        above = nw.when(nw.col("near") < BINS).then(nw.col("near")).otherwise(nw.lit(BINS - 1.0))
        away = nw.when(nw.col("root") > nw.col("near")).then(nw.col("near") + 1.0).otherwise(nw.col("near"))
        below = nw.when(away < BINS).then(0.0 - away).otherwise(nw.lit(-float(BINS)))
        signed = nw.when(nw.col("gain") >= 0).then(above).otherwise(below)
        table = collect(
            gains.with_columns(bin=signed)
            .group_by(*(group_keys(columns) or ["everybody"]), "bin")
            .agg(
                nw.len().alias("n"),
                nw.col("gain").sum().alias("total"),
                nw.col("wrong").sum().alias("wrong_sum"),
            )
        )
        layout, assigned, audit = read_labels(table, columns, pooled_groups)
        _, pairs = find_pairs(assigned, audit, len(layout.audit))
        bins, n, total = (numbers_of(table, key) for key in ("bin", "n", "total"))
        column = np.full(len(bins), position)
        parts.append(GainHistograms(pairs, column, bins.astype(np.int64), n.astype(np.int64), total))
    return functools.reduce(lambda a, b: a.concatenate(b, 0), parts).merged()


def _weights(columns: Columns) -> dict[str, str]:
    """Suffix of the sums with weights, and with squared weights; they are the same numbers without weights."""
    once = {"": "weight"}
    return once if columns.sample_weight is None else once | {"_2": "weight_squared"}


def _read_cells(
    table: nw.DataFrame[Any], columns: Columns, assigned: np.ndarray, audit: np.ndarray
) -> LossCells:
    losses = np.column_stack([numbers_of(table, name) for name in loss_columns(columns)])
    disagrees = numbers_of(table, "disagrees") > 0
    n = numbers_of(table, "n").astype(np.int64)
    weights = numbers_of(table, "weight_sum"), numbers_of(table, "weight_squared_sum")
    return LossCells(assigned, audit, losses, disagrees, n, *weights)


def _read_sums(table: nw.DataFrame[Any], columns: Columns) -> GroupSums:
    n_statistics = len(loss_columns(columns)) + len(DERIVED)
    squared = list(_weights(columns))[-1]

    def sums(name: str) -> np.ndarray:
        values = np.column_stack([numbers_of(table, f"sum_{name}_{i}") for i in range(n_statistics)])
        if not columns.y_pred_by_group:  # unknown, as in `LossCells.statistics`
            values[:, n_statistics - len(DERIVED) : n_statistics - len(DERIVED) + 2] = np.nan
        return values

    return GroupSums(
        weight=numbers_of(table, "weight_sum"),
        value=sums("value"),
        n=numbers_of(table, "n").astype(np.int64),
        weight_squared=numbers_of(table, "weight_squared_sum"),
        square=sums("square"),
        apart=sums("apart"),
        value_2=sums(f"value{squared}"),
        square_2=sums(f"square{squared}"),
        apart_2=sums(f"apart{squared}"),
    )
