"""From the data sets of this package to AIF360's, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from aif360.datasets import BinaryLabelDataset
from sklearn.utils import Bunch

from ..metrics._core._groups import MISSING
from ..metrics._core._values import to_numpy
from ._label_coding import LabelCoding
from ._reading import check_dataset, read_weights

#: Between a feature and its category in the names of indicators, as AIF360 writes them.
SEPARATOR = "="


def as_binary_label_dataset(
    bunch: Any,
    *,
    protected_attribute_names: str | Sequence[str] | None = None,
    privileged_classes: Mapping[str, Sequence[Any]] | None = None,
    favorable_label: int = 1,
    sample_weight: Any = None,
    missing_group: str = "error",
) -> BinaryLabelDataset:
    """Make an AIF360 data set of what a ``fetch_*``, ``load_*`` or ``make_*`` function returns.

    Parameters
    ----------
    bunch : Bunch
        With `data`, `target` (0 and 1) and `sensitive_features`. Categories become indicators
        "feature=category", images one feature per pixel; numbers, booleans and names become what AIF360 knows, floats and text.
    protected_attribute_names : str or list of str, optional
        Which sensitive features become protected attributes; by default all.
    privileged_classes : dict from attribute to list of values, optional
        Values that AIF360 calls privileged; by default, as AIF360 has it, the last one (in the order of categories, for
        text the alphabet's).
    favorable_label : {1, 0}
        Which target is favorable: 0 for "arrested again".
    sample_weight : array-like, shape (n,), optional
        Instance weights.
    missing_group : {"error", "separate"}
        What to do with missing sensitive features: refuse them, or make them a value "missing".

    Returns
    -------
    BinaryLabelDataset
        Values of protected attributes are numbered from 0; `metadata` says what they and the labels mean
        (``protected_attribute_maps``, ``label_maps``).

    Raises
    ------
    ValueError
        If a name is unknown, a feature is missing, contains "=" or is named like a protected attribute or the label, or
        targets are not 0 and 1.

    Examples
    --------
    >>> from fairlearn_fwh.aif360 import as_binary_label_dataset
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> dataset = as_binary_label_dataset(load_diabetes_progression(), protected_attribute_names="sex")
    >>> dataset.metadata["protected_attribute_maps"]
    [{0.0: '1', 1.0: '2'}]
    """
    if missing_group not in ("error", "separate"):
        raise ValueError(f"missing_group must be 'error' or 'separate'; got {missing_group!r}.")
    if favorable_label not in (0, 1):
        raise ValueError(f"favorable_label must be 1 or 0; got {favorable_label!r}.")
    sensitive = _choose(bunch, protected_attribute_names)
    coded = {str(name): _code(column, missing_group) for name, column in sensitive.items()}
    privileged = _privileged(coded, privileged_classes or {})
    target = np.asarray(bunch.target)
    if not np.isin(target, (0, 1)).all():
        raise ValueError(f"bunch.target must be 0 and 1; got {np.unique(target)[:5].tolist()}.")
    label = str(getattr(bunch.target, "name", None) or "label")
    features = _indicators(_with_text_names(_as_frame(bunch), "bunch.data"))
    weights = (
        {} if sample_weight is None else {"instance_weights": _check_weights(sample_weight, len(target))}
    )
    _check_names([*features, *coded, label, *weights])
    if len(features) != len(target) or len(sensitive) != len(target):
        raise ValueError(
            f"bunch.data, target and sensitive_features must have the same number of rows; they have {len(features)}, {len(target)}, "
            f"{len(sensitive)}."
        )
    added = {name: codes for name, (codes, _) in coded.items()} | {label: target} | weights
    table = pd.concat([features.reset_index(drop=True), pd.DataFrame(added, dtype=float)], axis=1)
    names = [str(name) for name in getattr(bunch, "target_names", ("0", "1"))]
    return BinaryLabelDataset(
        favorable_label=favorable_label,
        unfavorable_label=1 - favorable_label,
        df=table,
        label_names=[label],
        protected_attribute_names=list(coded),
        instance_weights_name=None if sample_weight is None else "instance_weights",
        privileged_protected_attributes=[above for above, _ in privileged],
        unprivileged_protected_attributes=[below for _, below in privileged],
        metadata={
            "label_maps": [{1.0: names[1], 0.0: names[0]}],
            "protected_attribute_maps": [
                {float(code): value for code, value in enumerate(values)} for _, values in coded.values()
            ],
        },
    )


def from_binary_label_dataset(dataset: Any) -> Bunch:
    """Take an AIF360 data set apart, for the estimators and metrics of this package.

    Parameters
    ----------
    dataset : BinaryLabelDataset or StandardDataset
        Indicators "feature=category" become categories again where each person has exactly one.

    Returns
    -------
    Bunch
        `data` (without protected attributes), `target` (the labels if these are 0 and 1, even if 0 is favorable; else 1 for
        favorable ones), `sensitive_features` (with the names in the metadata, if there are as many as attributes), `sample_weight` (None if all are 1), `feature_names`, `target_names`.

    Raises
    ------
    TypeError
        If it is another kind of data set.

    Examples
    --------
    >>> from fairlearn_fwh.aif360 import as_binary_label_dataset, from_binary_label_dataset
    >>> from fairlearn_fwh.datasets import load_diabetes_progression
    >>> bunch = load_diabetes_progression()
    >>> back = from_binary_label_dataset(as_binary_label_dataset(bunch))
    >>> bool((back.data.to_numpy() == bunch.data.to_numpy()).all()), list(back.sensitive_features)
    (True, ['sex', 'age_group'])
    """
    check_dataset(dataset)
    if not isinstance(dataset, BinaryLabelDataset):
        raise TypeError(f"dataset must be a BinaryLabelDataset; got {type(dataset).__name__}.")
    table = pd.DataFrame(dataset.features, columns=dataset.feature_names)
    data = _categories(table.drop(columns=dataset.protected_attribute_names, errors="ignore"))
    maps = _maps(dataset, "protected_attribute_maps", len(dataset.protected_attribute_names))
    sensitive = {
        name: _decoded(dataset.protected_attributes[:, i], maps[i])
        for i, name in enumerate(dataset.protected_attribute_names)
    }
    favorable, unfavorable = dataset.favorable_label, dataset.unfavorable_label
    names = _maps(dataset, "label_maps", 1)[0]
    zero, one = _in_order(favorable, unfavorable)
    LabelCoding.of(dataset).encode(dataset.labels, "dataset.labels")  # raises for other labels
    target = (dataset.labels.ravel() == one).astype("int64")
    return Bunch(
        data=data,
        target=pd.Series(target, index=data.index, name=dataset.label_names[0]),
        sensitive_features=pd.DataFrame(sensitive, index=data.index),
        sample_weight=read_weights(dataset),
        feature_names=list(data.columns),
        target_names=[names.get(zero, zero), names.get(one, one)],
    )


def as_object_strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn text and categories into Python objects, which `StandardDataset` needs under pandas 3.

    Parameters
    ----------
    frame : DataFrame
        A table with columns of text or categories.

    Returns
    -------
    DataFrame
        A copy; AIF360 0.6 fails on the dtypes "str", "string" and "category".

    Raises
    ------
    TypeError
        If `frame` is not a pandas DataFrame.

    Examples
    --------
    >>> import pandas as pd
    >>> from aif360.datasets import StandardDataset
    >>> from fairlearn_fwh.aif360 import as_object_strings
    >>> frame = pd.DataFrame({"sex": ["f", "m", "f"], "paid": ["yes", "no", "yes"], "age": [30, 40, 50]})
    >>> dataset = StandardDataset(as_object_strings(frame), "paid", ["yes"], ["sex"], [["m"]])
    >>> dataset.labels.ravel().tolist()
    [1.0, 0.0, 1.0]
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a pandas DataFrame; got {type(frame).__name__}.")
    text = [
        name
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype)
    ]
    return frame.astype(dict.fromkeys(text, object))


def _in_order(favorable: float, unfavorable: float) -> tuple[float, float]:
    """Labels that the targets 0 and 1 stand for."""
    return (favorable, unfavorable) if (favorable, unfavorable) == (0, 1) else (unfavorable, favorable)


def _check_names(names: Sequence[str]) -> None:
    """Raise ValueError if two columns of the data set would have one name."""
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(
            f"Features, protected attributes, label and weights must have different names; {twice} come twice in bunch."
        )


def _check_weights(sample_weight: Any, n_rows: int) -> np.ndarray:
    weights = np.asarray(to_numpy(sample_weight), dtype=float)
    if weights.shape != (n_rows,) or not (weights >= 0).all() or not weights.any():
        raise ValueError(
            f"sample_weight must be {n_rows:,} numbers of at least 0, not all of them 0; got an array of shape {weights.shape}."
        )
    return weights


def _with_text_names(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Turn names of columns into text, as AIF360 does."""
    named = frame.set_axis([str(name) for name in frame.columns], axis=1)
    if not named.columns.is_unique:
        raise ValueError(
            f"{what} has columns of the same name: {named.columns[named.columns.duplicated()].tolist()[:5]}."
        )
    return named


def _choose(bunch: Any, names: str | Sequence[str] | None) -> pd.DataFrame:
    if not isinstance(getattr(bunch, "sensitive_features", None), pd.DataFrame):
        raise TypeError(
            "bunch must have data, target and a DataFrame sensitive_features, as fetch_* functions return."
        )
    sensitive = _with_text_names(bunch.sensitive_features, "bunch.sensitive_features")
    chosen = [names] if isinstance(names, str) else list(sensitive if names is None else names)
    if unknown := [name for name in chosen if name not in sensitive]:
        raise ValueError(f"protected_attribute_names must be among {list(sensitive)}; got {unknown}.")
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"protected_attribute_names must be different names among {list(sensitive)}; got {chosen}."
        )
    return sensitive[chosen]


def _code(column: pd.Series, missing_group: str) -> tuple[np.ndarray, list[Any]]:
    """Number the values of a sensitive feature."""
    if column.isna().any():
        if missing_group == "error":
            raise ValueError(
                f"Sensitive feature {column.name!r} is missing for {int(column.isna().sum())} people; drop them, or set "
                "missing_group='separate'."
            )
        column = column.astype(object).where(column.notna(), MISSING)
    values = column.astype("category").cat.remove_unused_categories()
    return values.cat.codes.to_numpy(dtype=float), values.cat.categories.tolist()


def _privileged(
    coded: Mapping[str, tuple[np.ndarray, list[Any]]], chosen: Mapping[str, Sequence[Any]]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Say which numbers of each attribute are privileged and which are not."""
    if unknown := [name for name in chosen if name not in coded]:
        raise ValueError(
            f"privileged_classes names {unknown}, but the protected attributes are {list(coded)}."
        )
    result = []
    for name, (_, values) in coded.items():
        above = chosen.get(name, values[-1:])
        if isinstance(above, str):
            raise TypeError(f"privileged_classes[{name!r}] must be a list of values; got {above!r}.")
        if strange := [value for value in above if value not in values]:
            raise ValueError(f"privileged_classes[{name!r}] must be among {values}; got {strange}.")
        mask = np.isin(np.arange(len(values)), [values.index(value) for value in above])
        result.append((np.flatnonzero(mask).astype(float), np.flatnonzero(~mask).astype(float)))
    return result


def _as_frame(bunch: Any) -> pd.DataFrame:
    """Features as a data frame; images become rows of pixels."""
    if isinstance(bunch.data, pd.DataFrame):
        return bunch.data
    values = np.asarray(bunch.data)
    flat = values.reshape(len(values), -1)
    return pd.DataFrame(flat, columns=[f"feature_{i}" for i in range(flat.shape[1])])


#: Categories of a column beyond which it is taken for texts, if there is one for every other row.
_MOST_CATEGORIES = 1000


def _check_no_texts(features: pd.DataFrame) -> None:
    """Raise ValueError for columns of texts, each of which would become a column of indicators."""
    for name in features:
        column = features[name]
        n = column.nunique() if not pd.api.types.is_numeric_dtype(column.dtype) else 0
        if n > _MOST_CATEGORIES and 2 * n > len(column):
            raise ValueError(
                f"bunch.data[{name!r}] has {n:,} different texts in {len(column):,} rows; these are not categories. Turn them into numbers first, for instance by "
                "fairlearn_fwh.datasets.make_text_preprocessor('embedding')."
            )


def _indicators(data: pd.DataFrame) -> pd.DataFrame:
    """Replace categories by indicators, in place of each column."""
    _check_no_texts(data)
    if strange := [name for name in data if SEPARATOR in str(name)]:
        raise ValueError(
            f"bunch.data has features named {strange}; {SEPARATOR!r} stands between a feature and its category."
        )
    if missing := [name for name in data if data[name].isna().any()]:
        raise ValueError(
            f"bunch.data has missing values in {missing}; AIF360 takes none, so impute or drop them."
        )
    text = [name for name in data if not pd.api.types.is_numeric_dtype(data[name].dtype)]
    wide = pd.get_dummies(data, columns=text, prefix_sep=SEPARATOR, dtype=float)
    order = {str(name): i for i, name in enumerate(data)}
    return wide[sorted(wide, key=lambda name: order[str(name).partition(SEPARATOR)[0]])]


def _categories(table: pd.DataFrame) -> pd.DataFrame:
    """Undo `_indicators`."""
    families: dict[str, list[str]] = {}
    for name in map(str, table):
        families.setdefault(name.partition(SEPARATOR)[0], []).append(name)
    columns: dict[str, Any] = {}
    for family, names in families.items():
        values = table[names].to_numpy()
        if names == [family] or not (np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()):
            columns |= {name: table[name] for name in names}
        else:
            labels = [name.partition(SEPARATOR)[2] for name in names]
            columns[family] = _categorical(values.argmax(axis=1), labels)
    return pd.DataFrame(columns, index=table.index)


def _maps(dataset: Any, name: str, n: int) -> list[dict[float, Any]]:
    """Names of numbers in the metadata; AIF360 has them by position, so that they are of use only if there are as many."""
    maps = dataset.metadata.get(name) or []
    return list(maps) if len(maps) == n else [{}] * n


def _decoded(values: np.ndarray, names: Mapping[float, Any]) -> Any:
    """Values by their names, as categories, if each has its own."""
    if not set(np.unique(values)) <= set(names) or len(set(names.values())) < len(names):
        return values
    codes = sorted(names)
    return _categorical(np.searchsorted(codes, values), [names[code] for code in codes])


def _categorical(codes: np.ndarray, names: Sequence[Any]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes.tolist(), pd.Index(names))
