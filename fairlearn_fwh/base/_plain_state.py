"""What fitted estimators know as plain values: skops writes neither data frames nor dicts whose keys are tuples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass
class PlainTable:
    """A data frame as arrays and lists.

    Attributes
    ----------
    names : list
        Of the columns.
    columns : list of ndarray or list
    dtypes : list of str
    index : list
    index_names : list
        Several for a MultiIndex.
    """

    names: list[Any]
    columns: list[Any]
    dtypes: list[str]
    index: list[Any]
    index_names: list[Any]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> PlainTable:
        """Take a data frame apart."""
        columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
        return cls(
            frame.columns.tolist(),
            [column.to_numpy() if column.dtype.kind in "iufb" else column.tolist() for column in columns],
            [str(column.dtype) for column in columns],
            frame.index.tolist(),
            list(frame.index.names),
        )

    def frame(self) -> pd.DataFrame:
        """Put the data frame together again."""
        several = len(self.index_names) > 1
        index = (
            pd.MultiIndex.from_tuples(self.index, names=self.index_names)
            if several
            else pd.Index(self.index, name=self.index_names[0], tupleize_cols=False)
        )
        series = [
            pd.Series(values, index=index, dtype=dtype)
            for values, dtype in zip(self.columns, self.dtypes, strict=True)
        ]
        frame = pd.DataFrame(dict(enumerate(series)), index=index)
        frame.columns = pd.Index(self.names, tupleize_cols=False)
        return frame


@dataclass
class PlainDict:
    """A dict whose keys are tuples, as lists.

    Attributes
    ----------
    keys, values : list
    """

    keys: list[Any]
    values: list[Any]


def plain_state(state: dict[str, Any]) -> dict[str, Any]:
    """State of an estimator, with data frames and dicts by tuples taken apart."""
    return {name: _plain(value) for name, value in state.items()}


def full_state(state: dict[str, Any]) -> dict[str, Any]:
    """State of an estimator as it was before `plain_state`."""
    return {name: _full(value) for name, value in state.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return PlainTable.of(value)
    if type(value) is dict and any(isinstance(key, tuple) for key in value):
        return PlainDict(list(value), list(value.values()))
    return value


def _full(value: Any) -> Any:
    if isinstance(value, PlainTable):
        return value.frame()
    return dict(zip(value.keys, value.values, strict=True)) if isinstance(value, PlainDict) else value
