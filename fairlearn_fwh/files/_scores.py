"""A file of scores as a frame of ranking."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw

from ..metrics import RankingFrame
from ..metrics._engines._columns import Columns
from ..metrics._engines._rows import FileColumns
from ..metrics._engines._score_cells import in_words_of_scores
from ..metrics._ranking import columns_of_scores
from ._dialect import Dialect
from ._measure import read_keys, rows_of_file, rows_of_joined


def rank_file(
    path: str | Path,
    *,
    y_true: str,
    score: str,
    score_pooled: str,
    sensitive_features: str | Sequence[str] | None = None,
    pos_label: Any = None,
    engine: str = "auto",
    dialect: Dialect | None = None,
    baseline: str | Path | None = None,
    on: str | Sequence[str] | None = None,
    allow_unmatched: bool = False,
) -> RankingFrame:
    r"""Compare two columns of scores in a file of CSV, Parquet or JSON lines, or in two of them, without reading it into memory.

    Parameters
    ----------
    path : path-like
        As for `open_table`.
    y_true, score, score_pooled : str
        Names of columns; see `RankingFrame`.
    sensitive_features : str or list of str, optional
        Names of columns; several make an intersection. Groups are text, as spelled.
    pos_label : label, optional
        The positive class, as spelled; labels are numbers if all of them are.
    engine, dialect, baseline, on, allow_unmatched : optional
        As for `measure_file`.

    Returns
    -------
    RankingFrame
        Of `RankingFrame.from_frame`, counted in bins of scores.

    Raises
    ------
    FileNotFoundError, MissingExtraError, TypeError, UnreadableValueError
        As for `measure_file`.
    ValueError
        As for `measure_file` and `RankingFrame`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fairlearn_fwh.files import rank_file
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scores.csv"
    >>> _ = path.write_text("y,new,old\n1,.9,.2\n0,.1,.3\n1,.8,.4\n0,.2,.1\n")
    >>> rank_file(path, y_true="y", score="new", score_pooled="old").by_group["gain"].tolist()
    [0.25]
    """
    columns = columns_of_scores(y_true, score, score_pooled, sensitive_features)
    keys = read_keys(baseline, on, allow_unmatched)
    with in_words_of_scores():
        if baseline is None:
            with rows_of_file(path, columns, engine, dialect) as (table, file):
                return _rank(table, columns, FileColumns(file.names, file.n_rows), pos_label)
        joining = rows_of_joined(
            path, baseline, keys, columns, engine, dialect, allow_unmatched=allow_unmatched
        )
        with joining as joined:
            return _rank(joined.table, joined.columns, FileColumns(joined.names, joined.n_rows), pos_label)


def _rank(table: nw.LazyFrame[Any], columns: Columns, file: FileColumns, pos_label: Any) -> RankingFrame:
    return RankingFrame._of_lazy(table, columns, pos_label=pos_label, file=file)
