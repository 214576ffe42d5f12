"""Reading AIF360's data sets: features without protected attributes, groups, weights, and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from aif360.datasets import BinaryLabelDataset
from aif360.datasets.multiclass_label_dataset import MulticlassLabelDataset
from aif360.metrics.utils import compute_boolean_conditioning_vector

#: Groups of AIF360's way to say whom a method is about: a list of dicts, joined by "or".
Conditions = Sequence[Mapping[str, float]]

PRIVILEGED, UNPRIVILEGED, NEITHER = "privileged", "unprivileged", "neither"


def check_dataset(dataset: Any, name: str = "dataset") -> None:
    """Raise TypeError unless it is a data set with labels of two or more classes, ValueError if it is empty."""
    if not isinstance(dataset, BinaryLabelDataset | MulticlassLabelDataset):
        raise TypeError(
            f"{name} must be a BinaryLabelDataset (or StandardDataset) or a MulticlassLabelDataset; got {type(dataset).__name__}."
        )
    if not len(dataset.labels):
        raise ValueError(f"{name} has no rows.")


def read_weights(dataset: Any) -> np.ndarray | None:
    """Return the instance weights, or None if every person counts once.

    Raises
    ------
    ValueError
        If a weight is negative or missing, or all are zero.
    """
    weights = np.asarray(dataset.instance_weights, dtype=float).ravel()
    bad = ~(weights >= 0) | np.isinf(weights)
    if bad.any():
        raise ValueError(
            f"dataset.instance_weights must be finite and at least 0; got {weights[bad][0]} in {int(bad.sum())} rows."
        )
    if not weights.any():
        raise ValueError(
            "dataset.instance_weights are zero for everybody; at least one person needs a positive weight."
        )
    return None if (weights == 1).all() else weights


def read_features(dataset: Any, keep_protected: bool) -> pd.DataFrame:
    """Return the features as a data frame, by default without the data set's protected attributes.

    Raises
    ------
    ValueError
        If nothing is left.
    """
    left_out = () if keep_protected else dataset.protected_attribute_names
    kept = [i for i, name in enumerate(dataset.feature_names) if name not in left_out]
    if not kept:
        raise ValueError(
            "dataset has no features but its protected attributes; add features, or set keep_protected=True."
        )
    return pd.DataFrame(dataset.features[:, kept], columns=[dataset.feature_names[i] for i in kept])


def check_attribute_names(names: Iterable[str], dataset: Any, argument: str) -> None:
    """Raise ValueError for names that are not protected attributes of the data set."""
    if unknown := [name for name in names if name not in dataset.protected_attribute_names]:
        raise ValueError(
            f"{argument} names {unknown}, but the protected attributes of dataset are {list(dataset.protected_attribute_names)}."
        )


def read_attributes(dataset: Any, names: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Return protected attributes, one column each; by default all.

    Raises
    ------
    ValueError
        If the data set does not have them, or has none.
    """
    known = list(dataset.protected_attribute_names)
    if not known:
        raise ValueError("dataset has no protected attribute; this method needs at least one.")
    chosen: Any = known if names is None else [names] if isinstance(names, str) else names
    if not isinstance(chosen, list | tuple) or not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"protected_attribute_names must be a name, or a list of different names, among {known}; got {names!r}."
        )
    check_attribute_names(chosen, dataset, "protected_attribute_names")
    columns = [known.index(name) for name in chosen]
    return pd.DataFrame(dataset.protected_attributes[:, columns], columns=list(chosen))


def check_conditions(unprivileged: Conditions | None, privileged: Conditions | None) -> None:
    """Raise TypeError for groups that are not lists of dicts."""
    for argument, groups in (("unprivileged_groups", unprivileged), ("privileged_groups", privileged)):
        if groups is None:
            continue
        if not isinstance(groups, list | tuple) or not all(isinstance(group, Mapping) for group in groups):
            raise TypeError(f"{argument} must be a list of dicts such as [{{'sex': 1}}]; got {groups!r}.")


def in_conditions(dataset: Any, conditions: Conditions | None, argument: str) -> np.ndarray:
    """Say who is in one of the groups, as a mask; without conditions everybody is.

    Raises
    ------
    ValueError
        If a dict names an attribute that the data set does not have.
    """
    check_attribute_names((name for group in conditions or () for name in group), dataset, argument)
    return compute_boolean_conditioning_vector(
        dataset.protected_attributes, dataset.protected_attribute_names, conditions
    )


def read_two_groups(dataset: Any, unprivileged: Conditions, privileged: Conditions) -> pd.Series:
    """Say of each person whether it is privileged, unprivileged or neither.

    Raises
    ------
    ValueError
        If somebody is both, or an attribute is missing.
    """
    above = in_conditions(dataset, privileged, "privileged_groups")
    below = in_conditions(dataset, unprivileged, "unprivileged_groups")
    if (both := above & below).any():
        raise ValueError(
            f"unprivileged_groups and privileged_groups must be disjoint; {int(both.sum())} people are in both."
        )
    for name in dict.fromkeys(name for group in (*privileged, *unprivileged) for name in group):
        if missing := int(read_attributes(dataset, name)[name].isna().sum()):
            raise ValueError(f"Protected attribute {name!r} is missing for {missing} people of dataset.")
    names = np.select([above, below], [PRIVILEGED, UNPRIVILEGED], NEITHER)
    return pd.Series(names.astype(object), name="group")


def check_both_occur(groups: pd.Series) -> None:
    """Raise ValueError if nobody is privileged, or nobody is unprivileged."""
    for name in (UNPRIVILEGED, PRIVILEGED):
        if not (groups == name).any():
            raise ValueError(
                f"{name}_groups match nobody in dataset; their values must be numbers that occur in its protected attributes."
            )


def check_same_features(expected: Sequence[str], dataset: Any) -> None:
    """Raise ValueError if a data set has other features than the one of `fit`, or in another order."""
    found = list(dataset.feature_names)
    if found == list(expected):
        return
    missing, new = (
        [name for name in a if name not in set(b)] for a, b in ((expected, found), (found, expected))
    )
    how = (
        f"it lacks {missing[:5]} and has {new[:5]} besides" if missing or new else "they are in another order"
    )
    raise ValueError(f"dataset must have the features of fit in the same order; {how}.")
