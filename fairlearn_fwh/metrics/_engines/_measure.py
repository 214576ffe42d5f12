"""Measuring where the data are: an engine groups the rows, and only cells or sums come back."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import Any

import narwhals as nw
import numpy as np

from .._core._cells import DERIVED, LossCells
from .._core._figures import Levels, rows_of_assigned
from .._core._groups import POOLED, Groups, encode_groups, intersect_groups, read_assigned_and_audit
from .._core._histograms import BINS, GainHistograms
from .._core._layout import Layout
from .._core._losses import EPSILON, LOSSES, Loss, resolve_loss
from .._core._measurement import Measurement, can_be_bet_on, find_pairs
from .._core._reading import (
    check_pooled_groups,
    make_layout,
    name_groups,
    read_labels_for,
    read_pooled_groups,
)
from .._core._sums import GroupSums
from .._core._unit_sums import UnitSums
from .._inference._bootstrap import BootstrapSettings
from ._checks import look_at_rows
from ._columns import Columns
from ._rows import (
    FileColumns,
    collect,
    in_one_spelling,
    numeric_roles,
    select_roles,
    with_numbers,
    with_plain_types,
)

_OWN, _POOLED = "loss_own", "loss_pooled"


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

    Raises
    ------
    ValueError
        If the frame is empty, a value is missing or of the wrong kind, or there are more than `max_cells` cells.
    """
    if loss.name not in LOSSES or resolve_loss(loss.name, loss.limit) != loss:
        raise ValueError(
            f"loss must be one of {sorted(LOSSES)} for a lazy frame; a function cannot run in its engine."
        )
    stated = read_labels_for(loss, labels)
    pooled_groups = read_pooled_groups(pooled_groups)
    is_text = file is not None and file.n_rows is not None
    rows = select_roles(frame, columns, file)
    rows = rows if is_text else with_plain_types(rows, columns)
    found = look_at_rows(
        rows, columns, loss, stated, is_text=is_text, is_file=file is not None, max_cells=max_cells
    )
    if file is not None and file.n_rows not in (None, found.n_rows):
        raise ValueError(
            f"The engine read {found.n_rows:,} rows of {file.n_rows:,}; nothing is said of such a file."
        )
    rows = with_numbers(rows, columns, loss) if is_text else rows
    compared = [columns.keys[role] for role in columns.labels_and_predictions()]
    rows = in_one_spelling(rows, compared, found.numbers)
    rows = _with_weights(rows, columns, found.exponent)
    if loss.predicts != "labels":  # small integers overflow when they are subtracted or multiplied
        numbers = [columns.keys[role] for role in numeric_roles(columns, loss)]
        rows = rows.with_columns(**{key: nw.col(key).cast(nw.Float64) for key in numbers})
    losses = _with_losses(rows, columns, loss)
    by_vector = bootstrap.n_boot is not None
    query = _group_by_losses(losses, columns) if by_vector else _group_and_sum(losses, columns)
    table = collect(query.head(max_cells + 1))
    if len(table) > max_cells:
        what = "distinct losses and groups" if by_vector else "groups"
        raise ValueError(
            f"The frame has more than max_cells={max_cells:,} combinations of {what}. Raise max_cells, or leave out "
            "n_boot, whose replicates are drawn from them."
        )
    layout, assigned, audit = _read_groups(table, columns, pooled_groups)
    weighted = columns.sample_weight is not None
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
        measured = measured.clustered(_units(losses, columns, table, measured))
    return measured.about(found.labels, found.exponent)


def _with_weights(rows: nw.LazyFrame[Any], columns: Columns, exponent: int) -> nw.LazyFrame[Any]:
    """Leave out rows of weight zero, and bring weights to where their squares are finite."""
    if columns.sample_weight is None:
        return rows.with_columns(weight=nw.lit(1.0))
    key = columns.keys["sample_weight"]
    rows = rows.with_columns(weight=nw.col(key).cast(nw.Float64)).filter(nw.col("weight") > 0)
    # In two steps, because a power of two as large as a weight may be is no float.
    for part in (exponent // 2, exponent - exponent // 2) if exponent else ():
        rows = rows.with_columns(weight=nw.col("weight") * 2.0**-part)
    return rows


def _with_losses(rows: nw.LazyFrame[Any], columns: Columns, loss: Loss) -> nw.LazyFrame[Any]:
    """Add the losses, whether own and pooled prediction differ, and whether `y_pred` contradicts `groups`."""
    keys = columns.keys
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
            wrong = (own != picked).cast(nw.Int64)
        own = picked
    elif len(columns.groups) == 1 and rows.collect_schema()[columns.keys_of("groups")[0]] == nw.String:
        wrong = ((own != pooled) & _is_group(columns, POOLED)).cast(nw.Int64)
    rows = rows.with_columns(own=own, wrong=wrong)
    truth = nw.col(keys["y_true"])
    by_group = {
        _loss_of(i): _loss(loss, truth, nw.col(key))
        for i, key in enumerate(columns.keys_of("y_pred_by_group"))
    }
    return rows.with_columns(
        **{
            _OWN: _loss(loss, truth, nw.col("own")),
            _POOLED: _loss(loss, truth, pooled),
        },
        **by_group,
        disagrees=(nw.col("own") != pooled).cast(nw.Int64),
    )


def _is_group(columns: Columns, label: Any) -> Any:
    labels = label if len(columns.groups) > 1 else (label,)
    equal = [nw.col(key) == value for key, value in zip(columns.keys_of("groups"), labels, strict=True)]
    return functools.reduce(operator.and_, equal)


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
    return difference.abs() if loss.name == "absolute" else difference * difference


def _keys(columns: Columns) -> list[str]:
    return [columns.keys[role] for role in columns.groupings()]


def _losses(columns: Columns) -> list[str]:
    return [_OWN, _POOLED, *(_loss_of(i) for i in range(len(columns.y_pred_by_group)))]


def _group_by_losses(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    weight = nw.col("weight")
    rows = rows.with_columns(weight_squared=weight * weight)
    return rows.group_by(*_keys(columns), *_losses(columns), "disagrees").agg(
        nw.len().alias("n"),
        weight.sum().alias("weight_sum"),
        nw.col("weight_squared").sum().alias("weight_squared_sum"),
        nw.col("wrong").sum().alias("wrong_sum"),
    )


def _with_statistics(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """Add the derived statistics, as numbers; unknown ones are 0."""
    own, pooled = nw.col(_OWN), nw.col(_POOLED)
    others = [nw.col(name) for name in _losses(columns)[1:]]
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


def _units(
    rows: nw.LazyFrame[Any], columns: Columns, pairs: nw.DataFrame[Any], measured: Measurement
) -> Levels[UnitSums]:
    """Sums of units, by two group-bys for each level: rows to units, and units to groups.

    Parameters
    ----------
    rows : LazyFrame
        With losses and weights.
    columns : Columns
    pairs : DataFrame
        A row for each combination of groups that occurs, in which the labels of each level stand.
    measured : Measurement
    """
    layout = measured.layout
    _, assigned, audit = _read_groups(pairs, columns, layout.pooled_groups)
    controls = columns.keys_of("control_features")
    audited = columns.keys_of("sensitive_features") or columns.keys_of("groups")
    served = columns.keys_of("groups") or columns.keys_of("sensitive_features")
    levels = {
        "audit": ([*controls, *audited], audit, len(layout.audit)),
        "assigned": (
            [*controls, *served],
            rows_of_assigned(assigned, audit, layout),
            len(layout.own_column),
        ),
        "overall": (controls, layout.control_of_audit[audit], len(layout.controls)),
    }
    rows = _with_statistics(rows, columns)
    names = [*_losses(columns), *DERIVED]
    sums = {f"x_{i}": nw.col(name) * nw.col("weight") for i, name in enumerate(names)}
    rows = rows.with_columns(**sums)
    found = {}
    for level, (keys, codes, n_groups) in levels.items():
        keys = list(dict.fromkeys(keys)) or ["everybody"]
        of_units = rows.group_by(*keys, *columns.keys_of("units")).agg(
            nw.col("weight").sum().alias("w"), *(nw.col(name).sum().alias(name) for name in sums)
        )
        w, own = nw.col("w"), nw.col("x_0")
        products = {"ww": w * w}
        for name in sums:
            x = nw.col(name)
            products |= {f"v_{name}": x * w, f"s_{name}": x * x, f"a_{name}": (x - own) * (x - own)}
        table = collect(
            of_units.with_columns(**products)
            .group_by(*keys)
            .agg(nw.len().alias("n"), *(nw.col(name).sum().alias(name) for name in products))
        )
        found[level] = _read_units(table, keys, pairs, codes, n_groups, list(sums), columns)
    return Levels(**found)


def _read_units(
    table: nw.DataFrame[Any],
    keys: list[str],
    pairs: nw.DataFrame[Any],
    codes: np.ndarray,
    n_groups: int,
    names: list[str],
    columns: Columns,
) -> UnitSums:
    """Put the rows of a small table in the order of the groups."""

    def labels(of: nw.DataFrame[Any]) -> list[tuple[Any, ...]]:
        if keys == ["everybody"]:
            return [()] * len(of)
        return list(zip(*(of[key].to_list() for key in keys), strict=True))

    code = dict(zip(labels(pairs), codes.tolist(), strict=True))
    group = np.array([code[label] for label in labels(table)], dtype=np.intp)
    inside = group >= 0

    def by_group(values: np.ndarray) -> np.ndarray:
        result = np.zeros((n_groups, *values.shape[1:]), dtype=values.dtype)
        result[group[inside]] = values[inside]
        return result

    def several(kind: str) -> np.ndarray:
        values = np.column_stack([_numbers(table, f"{kind}_{name}") for name in names])
        if not columns.y_pred_by_group:  # unknown, as in `LossCells.statistics`
            first = len(names) - len(DERIVED)
            values[:, first : first + 2] = np.nan
        return by_group(values)

    return UnitSums(
        n=by_group(_numbers(table, "n").astype(np.int64)),
        weight_squared=by_group(_numbers(table, "ww")),
        value_2=several("v"),
        square_2=several("s"),
        apart_2=several("a"),
    )


def _group_and_sum(rows: nw.LazyFrame[Any], columns: Columns) -> nw.LazyFrame[Any]:
    """Sums of all statistics, of their squares and squared differences from the own loss, with weights and squared weights."""
    own = nw.col(_OWN)
    rows = _with_statistics(rows, columns)
    rows = rows.with_columns(weight_squared=nw.col("weight") * nw.col("weight"))
    products: dict[str, Any] = {}
    for power, weight in _weights(columns).items():
        for i, name in enumerate([*_losses(columns), *DERIVED]):
            x, w = nw.col(name), nw.col(weight)
            products |= {
                f"value{power}_{i}": x * w,
                f"square{power}_{i}": x * x * w,
                f"apart{power}_{i}": (x - own) * (x - own) * w,
            }
    return (
        rows.with_columns(**products)
        .group_by(*(_keys(columns) or ["everybody"]))
        .agg(
            nw.len().alias("n"),
            nw.col("weight").sum().alias("weight_sum"),
            nw.col("weight_squared").sum().alias("weight_squared_sum"),
            nw.col("wrong").sum().alias("wrong_sum"),
            *(nw.col(name).sum().alias(f"sum_{name}") for name in products),
        )
    )


def _histograms(
    rows: nw.LazyFrame[Any], columns: Columns, loss: Loss, pooled_groups: frozenset[Any]
) -> GainHistograms:
    """Count gains by groups and bins, as `GainHistograms.of`: one query per classifier that the own one is compared with."""
    parts = []
    for position, name in enumerate(_losses(columns)[1:], start=1):
        gains = rows.with_columns(gain=nw.col(name) - nw.col(_OWN), everybody=nw.lit(0))
        # As `bin_of`; whole numbers by subtraction, as engines cast differently.
        gains = gains.with_columns(root=(nw.col("gain").abs() / loss.span) ** 0.5 * BINS)
        gains = gains.with_columns(near=nw.col("root") - nw.col("root") % 1.0)
        above = nw.when(nw.col("near") < BINS).then(nw.col("near")).otherwise(nw.lit(BINS - 1.0))
        away = nw.when(nw.col("root") > nw.col("near")).then(nw.col("near") + 1.0).otherwise(nw.col("near"))
        below = nw.when(away < BINS).then(0.0 - away).otherwise(nw.lit(-float(BINS)))
        signed = nw.when(nw.col("gain") >= 0).then(above).otherwise(below)
        table = collect(
            gains.with_columns(bin=signed)
            .group_by(*(_keys(columns) or ["everybody"]), "bin")
            .agg(
                nw.len().alias("n"),
                nw.col("gain").sum().alias("total"),
                nw.col("wrong").sum().alias("wrong_sum"),
            )
        )
        layout, assigned, audit = _read_groups(table, columns, pooled_groups)
        _, pairs = find_pairs(assigned, audit, len(layout.audit))
        bins, n, total = (_numbers(table, key) for key in ("bin", "n", "total"))
        column = np.full(len(bins), position)
        parts.append(GainHistograms(pairs, column, bins.astype(np.int64), n.astype(np.int64), total))
    return functools.reduce(lambda a, b: a.concatenate(b, 0), parts).merged()


def _weights(columns: Columns) -> dict[str, str]:
    """Suffix of the sums with weights, and with squared weights; they are the same numbers without weights."""
    once = {"": "weight"}
    return once if columns.sample_weight is None else once | {"_2": "weight_squared"}


def _numbers(table: nw.DataFrame[Any], name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy(), dtype=float)


def _read_groups(
    table: nw.DataFrame[Any], columns: Columns, pooled_groups: frozenset[Any]
) -> tuple[Layout, np.ndarray, np.ndarray]:
    """Labels, and assigned and audit group of each row of a small table."""

    def read(argument: str) -> Groups | None:
        names = getattr(columns, argument)
        keys = columns.keys_of(argument)
        parts = {name: table[key].to_native() for name, key in zip(names, keys, strict=True)}
        return encode_groups(parts, argument) if parts else None

    groups = read("groups")
    assigned, audit = read_assigned_and_audit(groups, read("sensitive_features"), len(table))
    if (controls := read("control_features")) is not None:
        audit = intersect_groups(controls, audit)
    labels, codes = name_groups(assigned, list(columns.y_pred_by_group), is_given=groups is not None)
    wrong = _numbers(table, "wrong_sum").sum()
    if wrong:
        if not columns.y_pred_by_group:
            raise ValueError(
                f"groups labels {int(wrong)} row(s) {POOLED!r} whose y_pred differs from y_pred_pooled; "
                f"{POOLED!r} means the pooled classifier. Rename the group if it is one of people."
            )
        raise ValueError(
            f"y_pred differs from the column of y_pred_by_group that groups names in {int(wrong)} row(s). "
            f"Label people who are served by the pooled classifier {POOLED!r} in groups."
        )
    has_envy = bool(columns.y_pred_by_group)
    layout = make_layout(assigned, audit, labels, columns.control_features, has_envy, pooled_groups)
    return layout, codes, audit.codes


def _read_cells(
    table: nw.DataFrame[Any], columns: Columns, assigned: np.ndarray, audit: np.ndarray
) -> LossCells:
    losses = np.column_stack([_numbers(table, name) for name in _losses(columns)])
    disagrees = _numbers(table, "disagrees") > 0
    n = _numbers(table, "n").astype(np.int64)
    weights = _numbers(table, "weight_sum"), _numbers(table, "weight_squared_sum")
    return LossCells(assigned, audit, losses, disagrees, n, *weights)


def _read_sums(table: nw.DataFrame[Any], columns: Columns) -> GroupSums:
    n_statistics = len(_losses(columns)) + len(DERIVED)
    squared = list(_weights(columns))[-1]

    def sums(name: str) -> np.ndarray:
        values = np.column_stack([_numbers(table, f"sum_{name}_{i}") for i in range(n_statistics)])
        if not columns.y_pred_by_group:  # unknown, as in `LossCells.statistics`
            values[:, n_statistics - len(DERIVED) : n_statistics - len(DERIVED) + 2] = np.nan
        return values

    return GroupSums(
        weight=_numbers(table, "weight_sum"),
        value=sums("value"),
        n=_numbers(table, "n").astype(np.int64),
        weight_squared=_numbers(table, "weight_squared_sum"),
        square=sums("square"),
        apart=sums("apart"),
        value_2=sums(f"value{squared}"),
        square_2=sums(f"square{squared}"),
        apart_2=sums(f"apart{squared}"),
    )
