"""Units in an engine: one group-by from rows to units, one from units to groups."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np

from .._core._cells import DERIVED
from .._core._figures import Levels, rows_of_assigned
from .._core._groups import encode_groups
from .._core._layout import Layout
from .._core._measurement import Measurement, find_pairs
from .._core._unit_sums import UnitParts, UnitSums
from ._columns import Columns
from ._labels import group_keys, numbers_of, read_labels
from ._losses import loss_columns, with_statistics
from ._rows import collect


def units_of(
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
    _, assigned, audit = read_labels(pairs, columns, layout.pooled_groups)
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
    rows = with_statistics(rows, columns)
    names = [*loss_columns(columns), *DERIVED]
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
            .agg(
                nw.len().alias("n"),
                nw.col("w").max().alias("heaviest"),
                *(nw.col(name).sum().alias(name) for name in products),
            )
        )
        found[level] = _read_units(table, keys, pairs, codes, n_groups, list(sums), columns)
    return Levels(**found)


def unit_parts(rows: nw.LazyFrame[Any], columns: Columns, layout: Layout, max_cells: int) -> UnitParts:
    """What each unit has in each combination of groups: a row each, which come back.

    Raises
    ------
    ValueError
        If there are more than `max_cells`.
    """
    rows = with_statistics(rows, columns)
    names = [*loss_columns(columns), *DERIVED]
    sums = {f"x_{i}": nw.col(name) * nw.col("weight") for i, name in enumerate(names)}
    keys = list(dict.fromkeys([*group_keys(columns), *columns.keys_of("units")]))
    query = rows.with_columns(**sums).group_by(*keys)
    totals = query.agg(
        nw.col("weight").sum().alias("w"),
        nw.col("wrong").sum().alias("wrong_sum"),
        *(nw.col(name).sum().alias(name) for name in sums),
    )
    table = collect(totals.head(max_cells + 1))
    if len(table) > max_cells:
        raise ValueError(
            f"The frame has more than max_cells={max_cells:,} combinations of units and groups. Raise max_cells, or leave out n_boot, whose "
            "replicates are drawn from them."
        )
    _, assigned, audit = read_labels(table, columns, layout.pooled_groups)
    _, pairs = find_pairs(assigned, audit, len(layout.audit))
    of_units = {
        name: table[key].to_native()
        for name, key in zip(columns.units, columns.keys_of("units"), strict=True)
    }
    value = np.column_stack([numbers_of(table, name) for name in sums])
    if not columns.y_pred_by_group:  # unknown, as in `LossCells.statistics`
        first = len(names) - len(DERIVED)
        value[:, first : first + 2] = np.nan
    return UnitParts(encode_groups(of_units, "units").codes, pairs, audit, numbers_of(table, "w"), value)


def check_spellings_of_units(rows: nw.LazyFrame[Any], columns: Columns) -> None:
    """Raise ValueError if texts are one unit in two spellings: 17 and 17.0, or with blanks around them.

    Parameters
    ----------
    rows : LazyFrame
        Of `select_roles`.
    columns : Columns
    """
    schema = rows.collect_schema()
    for name, key in zip(columns.units, columns.keys_of("units"), strict=True):
        if schema[key] != nw.String:
            continue
        unit = nw.col(key).str.strip_chars()
        whole = unit.str.replace_all(r"\.0*$", "")
        written = nw.when(unit.str.contains(r"^-?[0-9]+\.0*$")).then(whole).otherwise(unit)
        counted = collect(
            rows.with_columns(written=written).select(
                spelled=nw.col(key).n_unique(), units=nw.col("written").n_unique()
            )
        )
        spelled, units = (int(counted[column].to_list()[0]) for column in ("spelled", "units"))
        if units < spelled:
            raise ValueError(
                f"Column {name!r} of units has {spelled:,} values, of which some look like one unit in two spellings ({units:,} are left without blanks around "
                "them, and with 17.0 written as 17). Give each unit one spelling."
            )


def distinct_units(rows: nw.LazyFrame[Any], columns: Columns) -> list[Any]:
    """Labels of all units of rows that `select_roles` selected."""
    keys = columns.keys_of("units")
    table = collect(rows.select(*keys).unique())
    parts = {name: table[key].to_native() for name, key in zip(columns.units, keys, strict=True)}
    return encode_groups(parts, "units").labels


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
        values = np.column_stack([numbers_of(table, f"{kind}_{name}") for name in names])
        if not columns.y_pred_by_group:  # unknown, as in `LossCells.statistics`
            first = len(names) - len(DERIVED)
            values[:, first : first + 2] = np.nan
        return by_group(values)

    return UnitSums(
        n=by_group(numbers_of(table, "n").astype(np.int64)),
        heaviest=by_group(numbers_of(table, "heaviest")),
        weight_squared=by_group(numbers_of(table, "ww")),
        value_2=several("v"),
        square_2=several("s"),
        apart_2=several("a"),
    )
