"""Groups and predictions by group, from whatever frame the user has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from ._spellings import check_units, warn_of_floats
from ._texts import factorize_text, in_order
from ._values import as_column, read_values, to_numpy

#: Label of people who are served by the pooled classifier and belong to no group.
POOLED = "pooled"

#: Rows whose groups are numbered at a time, so that little memory is needed.
_CHUNK = 1 << 16

#: Label of the group that ``missing_group="separate"`` makes of missing values.
MISSING = "missing"


@dataclass(frozen=True)
class Groups:
    """Group membership: for each row the position of its label, or -1 for none.

    Labels are Python scalars, or tuples where several columns were given (their intersection).
    """

    codes: np.ndarray
    labels: list[Any]
    names: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> Groups:
        """Keep some rows, and the labels that they have."""
        present, codes = np.unique(self.codes[rows], return_inverse=True)
        return Groups(codes, [self.labels[i] for i in present], self.names)


def labels_index(labels: Sequence[Any], names: Sequence[str]) -> pd.Index:
    """Make an index of group labels; tuples become the levels of a MultiIndex."""
    if labels and all(isinstance(label, tuple) for label in labels):
        index = pd.MultiIndex.from_tuples(list(labels))
        return index.set_names(list(names)) if len(names) == index.nlevels else index
    return flat_index(labels, names[0] if len(names) == 1 else None)


def flat_index(labels: Sequence[Any], name: str | None = None) -> pd.Index:
    """Make an index in which a tuple is one label."""
    return pd.Index(list(labels), name=name, tupleize_cols=False)


def group_columns(features: Any, name: str) -> dict[str, Any]:
    """Split group features of any kind into named columns.

    Raises
    ------
    ValueError
        If two columns have one name, rows have different lengths, or the frame is lazy.
    """
    if isinstance(features, Mapping):
        return _named(list(features), list(features.values()), name)
    if isinstance(features, pd.DataFrame):
        return _named(list(features.columns), [features.iloc[:, i] for i in range(features.shape[1])], name)
    native = nw.from_native(features, allow_series=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        columns = [nw.to_native(native.get_column(key)) for key in native.columns]
        return _named(native.columns, columns, name)
    if isinstance(native, nw.LazyFrame):
        raise ValueError(f"{name} is a lazy frame; collect it first.")
    if isinstance(native, nw.Series):
        return {str(native.name) if native.name not in (None, "") else name: features}
    if isinstance(features, list | tuple) and features and isinstance(features[0], list | tuple):
        if len({len(row) if isinstance(row, list | tuple) else -1 for row in features}) > 1:
            raise ValueError(
                f"{name} has rows of different lengths; every row needs one value for each column."
            )
        return {f"{name}_{i}": list(column) for i, column in enumerate(zip(*features, strict=True))}
    if not isinstance(features, np.ndarray):
        return {name: features}
    if features.ndim == 2 and features.shape[1] > 1:
        return {f"{name}_{i}": features[:, i] for i in range(features.shape[1])}
    return {name: features[:, 0] if features.ndim == 2 else features}


def _named(keys: list[Any], columns: list[Any], name: str) -> dict[str, Any]:
    names = [str(key) for key in keys]
    if repeated := [key for key in names if names.count(key) > 1]:
        raise ValueError(f"{name} has several columns named {repeated[0]!r} (as text); rename all but one.")
    return dict(zip(names, columns, strict=True))


def _factorize(column: Any, name: str) -> tuple[np.ndarray, list[Any]]:
    """Return codes (-1 where missing) and the sorted labels that occur."""
    if isinstance(column, pd.Series) and isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes).astype(np.int32)
        categories = pd.Index(read_values(column.cat.categories, name, allow_mixed=True)[0]).tolist()
        present = np.bincount(codes + 1, minlength=len(categories) + 1)[1:] > 0
        if present.all():
            return codes, categories
        renumber = np.append(np.cumsum(present) - 1, -1).astype(
            np.int32
        )  # the last entry is what code -1 looks up
        return renumber[codes], [
            label for label, is_present in zip(categories, present, strict=True) if is_present
        ]
    if isinstance(column, pd.Series | np.ndarray) and (text := factorize_text(column, name)) is not None:
        return text
    values, missing = read_values(column, name, allow_mixed=True)
    if values.dtype.kind in "iub" and len(values) and not missing.any():
        uniques, codes = _factorize_integers(values)
        return codes, uniques.tolist()
    if missing.any():
        codes = np.full(len(values), -1, dtype=np.intp)
        some, labels = _factorize(values[~missing], name)
        codes[~missing] = some
        return codes, labels
    found, uniques = pd.factorize(values)
    labels = pd.Index(
        uniques, tupleize_cols=False
    ).tolist()  # keeps dates, which numpy would turn into integers
    try:
        order = sorted(range(len(labels)), key=labels.__getitem__)
    except TypeError:  # labels of different types have no order: keep the order of appearance
        return found.astype(np.intp), labels
    return in_order(found, order), [labels[i] for i in order]


def _factorize_integers(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted distinct values and each row's position among them, by counting where that is cheap."""
    if values.dtype.kind == "b":
        values = values.astype(np.int8)
        uniques, codes = _factorize_integers(values)
        return uniques.astype(bool), codes
    low, high = int(values.min()), int(values.max())
    if high - low > min(4 * len(values) + 1000, 2**31 - 1):
        uniques, codes = np.unique(values, return_inverse=True)
        return uniques, codes.astype(np.intp)
    present = np.zeros(high - low + 1, dtype=bool)
    codes = np.empty(len(values), dtype=np.int32)  # half the memory of the integers that numpy indexes with
    for start in range(0, len(values), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        position = values[chunk].astype(np.intp) - low
        present[position] = True
        codes[chunk] = position
    if not present.all():
        lookup = (np.cumsum(present) - 1).astype(np.int32)
        for start in range(0, len(values), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            codes[chunk] = lookup[codes[chunk]]
    return np.flatnonzero(present) + low, codes


def encode_groups(
    features: Any,
    name: str = "sensitive_features",
    *,
    n_rows: int | None = None,
    missing_group: str = "error",
) -> Groups:
    """Read group membership from whatever the user has.

    Parameters
    ----------
    features : array, list, Series, DataFrame, dict of columns or Groups
        One column, or several whose intersections are the groups. pandas, polars and other frames that
        narwhals knows are accepted.
    name : str
        Name of the argument, for messages and for unnamed columns.
    n_rows : int, optional
        Number of rows that are expected.
    missing_group : {"error", "separate"}
        What to do with missing values: refuse them, or make them a group with the label ``"missing"``.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If a column has a missing value (unless they are separate), the wrong length, two dimensions, or a unit in two spellings.

    Warns
    -----
    LabelMismatchWarning
        If groups are whole numbers with and without a point.
    """
    if isinstance(features, Groups):
        return features
    columns = group_columns(features, name)
    if not columns:
        raise ValueError(f"{name} has no columns; at least one is needed.")
    codes, label_lists = [], []
    for column_name, column in columns.items():
        column_codes, labels = _factorize(column, _column_name(column_name, name))
        # Groups are text as spelled; a unit is a person, whatever wrote the name.
        (check_units if name == "units" else warn_of_floats)(labels, _column_name(column_name, name))
        if n_rows is not None and len(column_codes) != n_rows:
            raise ValueError(f"{name} has {len(column_codes)} rows, but {n_rows} are expected.")
        if len(column_codes) == 0:
            raise ValueError(f"{name} has no rows; at least one is needed.")
        if (column_codes < 0).any():
            column_codes, labels = _separate_missing(column_codes, labels, column_name, name, missing_group)
        codes.append(column_codes)
        label_lists.append(labels)
    names = list(columns)
    if len(columns) == 1:
        return Groups(codes[0], label_lists[0], names)
    if len({len(c) for c in codes}) > 1:
        raise ValueError(f"The columns of {name} have different lengths: {[len(c) for c in codes]}.")
    return _intersect(codes, label_lists, names)


def _column_name(column: str, argument: str) -> str:
    """Name a column of an argument in messages."""
    return argument if column == argument else f"Column {column!r} of {argument}"


def intersect_groups(first: Groups, second: Groups) -> Groups:
    """Intersect two memberships of the same rows; labels are tuples, those of the first in front."""
    joint, cells = _factorize_joint([first.codes, second.codes], [len(first), len(second)])
    labels = [(*as_tuple(first.labels[i]), *as_tuple(second.labels[j])) for i, j in zip(*cells, strict=True)]
    return Groups(joint, labels, [*first.names, *second.names])


def as_tuple(label: Any) -> tuple[Any, ...]:
    """Make a tuple of a label that is not one."""
    return label if isinstance(label, tuple) else (label,)


def select_columns(groups: Groups, names: Sequence[str]) -> Groups:
    """Intersect some columns of an intersection, in the order of `names`."""
    if list(names) == groups.names:
        return groups
    positions = [groups.names.index(name) for name in names]
    parts = [tuple(label[i] for i in positions) for label in groups.labels]
    labels = list(dict.fromkeys(parts))
    codes = np.array([labels.index(part) for part in parts])[groups.codes]
    return Groups(codes, labels if len(names) > 1 else [label[0] for label in labels], list(names))


def _separate_missing(
    codes: np.ndarray, labels: list[Any], column: str, name: str, missing_group: str
) -> tuple[np.ndarray, list[Any]]:
    if missing_group != "separate":
        raise ValueError(
            f"Column {column!r} of {name} has {int((codes < 0).sum())} missing value(s), the first in row {int(np.argmax(codes < 0))}. "
            "Fill or drop them, or let estimators that take it use missing_group='separate'."
        )
    if MISSING in labels:
        raise ValueError(
            f"Column {column!r} of {name} has both missing values and a group named {MISSING!r}; rename it."
        )
    return np.where(codes < 0, len(labels), codes), [*labels, MISSING]


def _intersect(codes: list[np.ndarray], label_lists: list[list[Any]], names: list[str]) -> Groups:
    """Number the combinations that occur, in lexicographic order."""
    joint, cells = _factorize_joint(codes, [len(labels) for labels in label_lists])
    labels = [
        tuple(labels[i] for labels, i in zip(label_lists, row, strict=True)) for row in np.transpose(cells)
    ]
    return Groups(joint, labels, names)


def _factorize_joint(codes: list[np.ndarray], sizes: list[int]) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Number the combinations of codes that occur, and give the codes of each."""
    joint = np.zeros(len(codes[0]), dtype=np.int64)
    for column_codes, size in zip(codes, sizes, strict=True):
        joint = joint * size + column_codes
    cells, joint_codes = _factorize_integers(joint)
    return joint_codes, np.unravel_index(cells, sizes)


def read_assigned_and_audit(groups: Any, sensitive_features: Any, n_rows: int) -> tuple[Groups, Groups]:
    """Read assigned and audit groups; either stands for the other, and without both all people are one group."""
    if groups is None and sensitive_features is None:
        everybody = Groups(np.zeros(n_rows, dtype=np.intp), ["all"], ["group"])
        return everybody, everybody
    assigned = None if groups is None else encode_groups(groups, "groups", n_rows=n_rows)
    if sensitive_features is None:
        assert assigned is not None
        return assigned, assigned
    audit = encode_groups(sensitive_features, n_rows=n_rows)
    return audit if assigned is None else assigned, audit


def find_groups(groups: Groups, labels: Sequence[Any]) -> np.ndarray:
    """Give each row the position of its group among `labels`, -1 if it is not there."""
    position = {label: i for i, label in enumerate(labels)}
    lookup = np.array([position.get(label, -1) for label in groups.labels], dtype=np.int32)
    return lookup[groups.codes]


def match_groups(groups: Groups, labels: Sequence[Any], name: str, owner: str) -> np.ndarray:
    """Give each row the position of its group among `labels`; people labelled "pooled" get -1.

    Raises
    ------
    ValueError
        If a group is not among `labels`.
    """
    known = {POOLED, *labels}
    if unknown := [label for label in groups.labels if label not in known]:
        raise ValueError(
            f"{name} names {unknown[:5]!r}, which {owner} does not have; its columns are {list(labels)[:10]!r}."
        )
    return find_groups(groups, labels)


@dataclass(frozen=True)
class PredictionsByGroup:
    """Every group classifier's prediction on every row, one column per group."""

    columns: list[np.ndarray]
    labels: list[Any]


def read_predictions_by_group(values: Any, n_rows: int) -> PredictionsByGroup:
    """Read predictions of all group classifiers.

    Parameters
    ----------
    values : DataFrame, dict, array of shape (n, K) or what `pack_predictions` returns
        One column per group. The columns of an array are labelled 0 to K - 1.
    n_rows : int
        Number of rows that are expected.

    Returns
    -------
    PredictionsByGroup
    """
    name = "y_pred_by_group"
    if isinstance(values, Mapping):
        labels, columns = list(values), list(values.values())
    elif isinstance(values, pd.DataFrame):  # its labels may be anything, also tuples
        labels, columns = list(values.columns), [values.iloc[:, i] for i in range(values.shape[1])]
    elif isinstance(frame := nw.from_native(values, pass_through=True), nw.DataFrame):
        labels, columns = list(frame.columns), [frame[label].to_numpy() for label in frame.columns]
    else:
        array = np.asarray(values)
        if array.ndim == 1 and array.dtype == object and len(array) and np.ndim(array[0]) == 1:
            array = np.stack(list(array))
        if array.ndim != 2:
            raise ValueError(f"{name} must have one column per group; got an array of shape {array.shape}.")
        labels, columns = list(range(array.shape[1])), list(array.T)
    if not columns:
        raise ValueError(f"{name} has no columns; one per group is needed.")
    if len(set(labels)) < len(labels):
        raise ValueError(f"{name} has two columns with the same name; its columns are {labels[:10]!r}.")
    if POOLED in labels:
        raise ValueError(
            f"{name} has a column named {POOLED!r}: that name means the pooled classifier; rename the group."
        )
    columns = [as_column(c, f"{name}[{label!r}]", n_rows) for label, c in zip(labels, columns, strict=True)]
    return PredictionsByGroup(columns, labels)


#: Relative difference of floats that is rounding: a model answers to some rows not quite as to all of them.
ROUNDING = 1e-13


def without_rounding(values: np.ndarray, pooled: np.ndarray) -> np.ndarray:
    """Take the pooled predictions where others are the same but for rounding, so that no gain or loss is made of it."""
    if values.dtype.kind != "f" or pooled.dtype.kind != "f":
        return values
    return np.where(np.abs(values - pooled) <= ROUNDING * np.abs(pooled), pooled, values)


def _differ(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two columns of one model's predictions contradict each other."""
    if own.dtype.kind != "f" or other.dtype.kind != "f":
        return np.asarray(own != other)
    return ~np.isclose(own, other)


def own_predictions(
    own: np.ndarray | None, by_group: list[np.ndarray], codes: np.ndarray, pooled: np.ndarray
) -> np.ndarray:
    """Pick each person's own column, and check that `y_pred` agrees with it."""
    alone = np.flatnonzero(codes < 0)
    if own is not None and len(alone) and (wrong := _differ(own[alone], pooled[alone])).any():
        raise ValueError(
            f"groups labels {int(wrong.sum())} row(s) {POOLED!r} whose y_pred differs from y_pred_pooled; "
            f"{POOLED!r} means the pooled classifier. Rename the group if it is one of people."
        )
    if not by_group:
        assert own is not None
        return own
    picked = pooled.astype(np.result_type(pooled, *by_group))
    for k, column in enumerate(by_group):
        mine = codes == k
        picked[mine] = column[mine]
    if own is not None and (wrong := _differ(own, picked)).any():
        raise ValueError(
            f"y_pred differs from the column of y_pred_by_group that groups names in {int(wrong.sum())} row(s). "
            f"Label people who are served by the pooled classifier {POOLED!r} in groups."
        )
    return picked


def pack_predictions(y_pred_by_group: Any) -> np.ndarray:
    """Pack predictions of all group classifiers into one value per row.

    `fairlearn.metrics.MetricFrame` takes one-dimensional sample parameters only. This makes one of the
    predictions of K classifiers; the functions of this module unpack it.

    Parameters
    ----------
    y_pred_by_group : DataFrame, dict or array, shape (n, K)
        Predictions of every group's classifier for every row. Labels of columns are lost: the functions
        know the columns as 0 to K - 1.

    Returns
    -------
    ndarray of objects, shape (n,)
        Each entry is the array of one row's K predictions.

    Raises
    ------
    ValueError
        If there is not one column per group.

    Examples
    --------
    >>> from fairlearn_fwh.metrics import pack_predictions
    >>> packed = pack_predictions([[0, 1], [1, 1], [0, 0]])
    >>> packed.shape, packed[0].tolist()
    ((3,), [0, 1])
    """
    if isinstance(y_pred_by_group, Mapping):
        matrix = np.column_stack([to_numpy(column) for column in y_pred_by_group.values()])
    else:
        frame = nw.from_native(y_pred_by_group, pass_through=True)
        matrix = frame.to_numpy() if isinstance(frame, nw.DataFrame) else np.asarray(y_pred_by_group)
    if matrix.ndim != 2:
        raise ValueError(
            f"y_pred_by_group must have one column per group; got an array of shape {matrix.shape}."
        )
    packed = np.empty(len(matrix), dtype=object)
    packed[:] = list(matrix)
    return packed
