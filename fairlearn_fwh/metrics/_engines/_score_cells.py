"""Counting people by bins of two scores where the data are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

from ...exceptions import UnreadableValueError
from .._core._groups import Groups
from .._core._losses import Loss
from .._core._positive import positive_label
from .._core._score_cells import ScoreCells, ScoreHistogram
from ._checks import check_all_are_read, look_at_rows
from ._columns import Columns
from ._labels import group_keys, numbers_of, read_labels
from ._rows import N_ROWS, FileColumns, collect, read_numbers, select_roles, with_numbers, with_plain_types

#: Segments with about equal numbers of people, each of which is divided into bins of equal width.
SEGMENTS = 16

#: Bins of one score by itself, from which areas are read; the joint law of both is counted in fewer.
_BINS_OF_ONE = 4096

#: Bins of equal width in which people are counted first, to find the segments.
_FINE = 1 << 16

#: Share of all people (one in so many) above which such a range is divided again, and how often.
_CROWDED, _MOST_DIVISIONS = 8 * SEGMENTS, 24

#: Scores beside labels of any kind, as the checks of rows know losses.
_SCORES = Loss("ranking", lambda y, p: np.zeros(len(y)), "scores", 1.0)

#: Most labels of the truth that are looked at, in all their spellings.
_MOST_LABELS = 20


@contextlib.contextmanager
def in_words_of_scores() -> Iterator[None]:
    """Let errors about rows speak of scores, which are read as predictions are."""

    def words(error: ValueError) -> str:
        return str(error).replace("y_pred_pooled", "score_pooled").replace("y_pred", "score")

    try:
        yield
    except UnreadableValueError as error:
        raise UnreadableValueError(words(error), error.column, error.problem) from error
    except ValueError as error:
        raise ValueError(words(error)) from error


def count_scores(
    frame: nw.LazyFrame[Any],
    columns: Columns,
    *,
    pos_label: Any,
    n_bins: int,
    max_cells: int,
    file: FileColumns | None = None,
) -> ScoreCells:
    """Count people of a lazy frame by group, class and bins of both scores.

    Parameters
    ----------
    frame : LazyFrame
    columns : Columns
        With the scores as predictions.
    pos_label : label or None
    n_bins : int
        Bins of each score, a multiple of `SEGMENTS`.
    max_cells : int
    file : FileColumns, optional
        As for `measure_lazily`.

    Raises
    ------
    ValueError
        If the frame is empty, a value is missing or no number, there are not two classes, a score is constant, or there are more than
        `max_cells` cells.
    """
    is_text = file is not None and file.n_rows is not None
    rows = select_roles(frame, columns, file)
    rows = rows if is_text else with_plain_types(rows, columns)
    rows = rows.with_columns(**{N_ROWS: nw.lit(1)})
    found = look_at_rows(
        rows, columns, _SCORES, None, is_text=is_text, is_file=file is not None, max_cells=max_cells
    )
    check_all_are_read(found, file)
    rows = with_numbers(rows, columns, _SCORES) if is_text else rows
    keys = {"own": columns.keys["y_pred"], "other": columns.keys["y_pred_pooled"]}
    rows = rows.with_columns(**{name: nw.col(key).cast(nw.Float64) for name, key in keys.items()})
    is_positive = _is_positive(rows, columns, pos_label, is_file=file is not None)
    edges = _edges(rows, {"own": "score", "other": "score_pooled"})
    rows = rows.with_columns(
        positive=is_positive.cast(nw.Int64),
        wrong=nw.lit(0),
        everybody=nw.lit(0),
        **{f"bin_{name}": _bin(nw.col(name), edges[name], n_bins // SEGMENTS) for name in keys},
        **{f"fine_{name}": _bin(nw.col(name), edges[name], _BINS_OF_ONE // SEGMENTS) for name in keys},
    )
    by = [*(group_keys(columns) or ["everybody"]), "positive"]
    joint = _counted(rows, [*by, "bin_own", "bin_other"], [], max_cells)
    layout, _, audit = read_labels(joint, columns, frozenset())
    histograms = []
    for name in keys:
        table = _counted(rows, [*by, f"fine_{name}"], [name], max_cells)
        of_one, _, codes = read_labels(table, columns, frozenset())
        position = np.array([layout.audit.index(label) for label in of_one.audit], dtype=np.intp)
        histograms.append(
            ScoreHistogram(
                group=position[codes],
                positive=numbers_of(table, "positive") > 0,
                bin=numbers_of(table, f"fine_{name}").astype(np.intp),
                n=numbers_of(table, "n").astype(np.int64),
                low=numbers_of(table, f"min_{name}"),
                high=numbers_of(table, f"max_{name}"),
            )
        )
    return ScoreCells(
        groups=Groups(audit, layout.audit, layout.audit_names),
        positive=numbers_of(joint, "positive") > 0,
        own=numbers_of(joint, "bin_own").astype(np.intp),
        other=numbers_of(joint, "bin_other").astype(np.intp),
        n=numbers_of(joint, "n").astype(np.int64),
        histograms=(histograms[0], histograms[1]),
    )


def _counted(rows: nw.LazyFrame[Any], by: list[str], ranges: list[str], max_cells: int) -> nw.DataFrame[Any]:
    """Count rows by some columns, with smallest and largest value of others.

    Raises
    ------
    ValueError
        If there are more than `max_cells` combinations.
    """
    table = collect(
        rows.group_by(*by)
        .agg(
            nw.len().alias("n"),
            nw.col("wrong").sum().alias("wrong_sum"),
            *(
                getattr(nw.col(name), what)().alias(f"{what}_{name}")
                for name in ranges
                for what in ("min", "max")
            ),
        )
        .head(max_cells + 1)
    )
    if len(table) > max_cells:
        raise ValueError(
            f"The frame has more than max_cells={max_cells:,} combinations of groups and bins of scores. Take fewer bins (n_bins), or raise max_cells."
        )
    return table


def _is_positive(rows: nw.LazyFrame[Any], columns: Columns, pos_label: Any, *, is_file: bool) -> Any:
    """Who is positive; labels of a file are numbers if all of them are."""
    key = columns.keys["y_true"]
    raw = collect(rows.select(key).unique().head(_MOST_LABELS))[key].to_list()
    raw = [float(label) if isinstance(label, Decimal) else label for label in raw]
    numbers = (read_numbers(frozenset(raw)) or {}) if is_file else {}
    read = {label: numbers.get(label, label) for label in raw}
    if isinstance(pos_label, str) and numbers and pos_label not in read.values():
        pos_label = (read_numbers(frozenset([pos_label])) or {}).get(pos_label, pos_label)
    positive = positive_label(set(read.values()), pos_label)
    is_this = nw.lit(False)
    for label in (label for label, value in read.items() if value == positive):
        is_this = is_this | (nw.col(key) == label)
    return is_this


def _edges(rows: nw.LazyFrame[Any], names: dict[str, str]) -> dict[str, np.ndarray]:
    """Edges of segments of each score that have about equal numbers of people.

    Raises
    ------
    ValueError
        If a score is the same for everybody.
    """
    edges = {}
    for name, role in names.items():
        pieces = _pieces(rows, name)
        low, high = float(pieces[0, 0]), float(pieces[-1, 1])
        if low == high:
            raise ValueError(f"{role} is {low:g} for everybody: it ranks nobody.")
        reached = np.cumsum(pieces[:, 2]) / pieces[:, 2].sum()
        wanted = np.searchsorted(reached, np.arange(1, SEGMENTS) / SEGMENTS - 1e-12) + 1
        inner = pieces[wanted[wanted < len(pieces)], 0]
        edges[name] = np.unique(np.r_[low, inner, high])
    return edges


def _pieces(rows: nw.LazyFrame[Any], name: str) -> np.ndarray:
    """Ranges of a score with the numbers of people in them, shape (r, 3), in ascending order.

    Ranges of equal width are one crowded range where a score is far out, or skewed; those that have too many people are divided again.
    """
    pieces = _divided(rows, name)
    for _ in range(_MOST_DIVISIONS):
        crowded = (pieces[:, 2] > pieces[:, 2].sum() / _CROWDED) & (pieces[:, 1] > pieces[:, 0])
        if not crowded.any():
            break
        first = int(np.argmax(np.where(crowded, pieces[:, 2], 0)))
        low, high, _ = pieces[first]
        inside = rows.filter((nw.col(name) >= float(low)) & (nw.col(name) <= float(high)))
        pieces = np.concatenate([pieces[:first], _divided(inside, name), pieces[first + 1 :]])
    return pieces


def _divided(rows: nw.LazyFrame[Any], name: str) -> np.ndarray:
    """Smallest and largest score and number of people of up to `_FINE` ranges of equal width that have people."""
    score = nw.col(name)
    ends = collect(rows.select(score.min().alias("low"), score.max().alias("high")))
    low, high = (float(numbers_of(ends, end)[0]) for end in ("low", "high"))
    share = (score - low) / ((high - low) or 1.0) * _FINE
    found = collect(
        rows.with_columns(fine=share - share % 1.0)
        .group_by("fine")
        .agg(score.min().alias("low"), score.max().alias("high"), nw.len().alias("n"))
    )
    pieces = np.column_stack([numbers_of(found, column) for column in ("low", "high", "n")])
    return pieces[np.argsort(pieces[:, 0])]


def _bin(score: Any, edges: np.ndarray, per_segment: int) -> Any:
    """Number of the bin of a score: segments by comparison, bins of equal width within; whole numbers by subtraction, as engines cast differently."""
    segment, low, width = (nw.lit(value) for value in (0.0, float(edges[0]), float(edges[1] - edges[0])))
    for i in range(1, len(edges) - 1):
        is_past = score >= float(edges[i])
        segment = nw.when(is_past).then(nw.lit(float(i))).otherwise(segment)
        low = nw.when(is_past).then(nw.lit(float(edges[i]))).otherwise(low)
        width = nw.when(is_past).then(nw.lit(float(edges[i + 1] - edges[i]))).otherwise(width)
    within = (score - low) / width * per_segment
    within = within - within % 1.0
    within = nw.when(within < per_segment).then(within).otherwise(nw.lit(per_segment - 1.0))
    return segment * per_segment + within
