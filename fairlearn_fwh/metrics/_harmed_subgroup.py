"""Looking for people who are harmed, whatever group they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_random_state

from ._core._alignment import check_alignment
from ._core._groups import encode_groups, group_columns, without_rounding
from ._core._label_sets import LabelSets, all_labels
from ._core._losses import Loss, concerned_by, resolve_loss, with_pos_label
from ._core._values import as_column, as_weights, to_numpy
from ._inference._checks import check_alpha, check_has_test
from ._preference_frame import PreferenceFrame
from ._subgroup_scan import EVERYBODY, Slices, scan

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor


def find_harmed_subgroup(
    X: Any,
    y_true: Any,
    y_pred: Any,
    *,
    y_pred_pooled: Any,
    sensitive_features: Any = None,
    sample_weight: Any = None,
    loss: str | Callable[..., Any] = "zero_one",
    max_depth: int = 2,
    min_samples_leaf: int = 50,
    n_splits: int = 2,
    alpha: float = 0.05,
    random_state: Any = None,
    loss_limit: float | None = None,
    method: str | None = None,
    units: Any = None,
    pos_label: Any = None,
) -> pd.DataFrame:
    """Look for people who do worse with what they got than with the pooled classifier.

    By "scan" all slices of one and of two features are tested on all rows: ranges of quintiles of numbers, and categories. If nobody is
    harmed, those about whom the classifiers differ lose or gain by the toss of a coin; the worst slice is compared with the worst slices of
    999 tosses for all slices together (max-T: Westfall and Young 1993). For 0-1 losses without weights, where nearly always more is found.

    By "tree" the rows are split into parts. For each, a shallow tree is grown on the other parts to predict the gain, and the
    people of this part who fall into its worst node are tested for harm (negative flips beyond positive flips). The
    tree has not seen them, so the test is honest (Athey and Imbens 2016); p-values are adjusted over the parts,
    which holds however the parts depend on each other.

    Parameters
    ----------
    X : array-like or DataFrame, shape (n, d)
        Features, numbers or categories; missing values are allowed.
    y_true, y_pred : array-like, shape (n,)
        True labels and what people got, on data that took no part in fitting or choosing.
    y_pred_pooled : array-like, shape (n,)
        Predictions of the pooled classifier, or of any baseline.
    sensitive_features : array-like, shape (n,), DataFrame or dict, optional
        More features by which people may be told apart.
    sample_weight : array-like, shape (n,), optional
        Weights of the rows.
    loss : str or callable
        Loss of a person; see `PreferenceFrame` for their names.
    max_depth : int
        Depth of the trees: the number of conditions that describe the people who are found.
    min_samples_leaf : int
        Smallest number of people in a leaf while growing, and in a slice.
    n_splits : int
        Number of parts for trees.
    alpha : float
        Probability of a false finding, for all slices, or all parts, together.
    random_state : int, RandomState instance or None
        Seed of the tosses, or of the split and of the trees.
    loss_limit : float, optional
        Cut off losses at this value; needed for losses without limits, see `PreferenceFrame`.
    method : {"scan", "tree"}, optional
        By default "scan" where it applies, else "tree".
    units : array-like, shape (n,), DataFrame or dict, optional
        Whose rows belong together: they get one toss, and are in one part.
    pos_label : label, optional
        As for `PreferenceFrame`. Losses that do not concern everybody are looked at among those whom they concern.

    Returns
    -------
    DataFrame
        `subgroup` in words, `n` people who are in it, `gain`, `negative_flip_rate`, `positive_flip_rate`, `p_value`, `p_adjusted` and
        `harmed` (`p_adjusted` below `alpha`). By "scan" the worst slice and at most four more, whose people who are in none above lose
        significantly as well; no row where nobody loses. By "tree" one row per part; parts in which the tree expects nobody to be harmed, or nobody falls
        into the node, are not tested.

    Raises
    ------
    ValueError
        If lengths differ, values of labels are missing, a parameter is out of range, there are too few rows, or `method` is "scan" and there
        are weights or real-valued losses.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.metrics import find_harmed_subgroup
    >>> rng = np.random.default_rng(0)
    >>> age, y = rng.integers(18, 80, 2000), rng.integers(0, 2, 2000)
    >>> own = np.where((age < 30) & (rng.random(2000) < 0.3), 1 - y, y)
    >>> found = find_harmed_subgroup({"age": age}, y, own, y_pred_pooled=y, random_state=0)
    >>> found["subgroup"].tolist(), found["harmed"].tolist()
    (['age < 31'], [True])
    """
    check_alpha(alpha)
    _check_counts(max_depth=(max_depth, 1), min_samples_leaf=(min_samples_leaf, 1), n_splits=(n_splits, 2))
    check_alignment(
        {
            "X": X,
            "y_true": y_true,
            "y_pred": y_pred,
            "y_pred_pooled": y_pred_pooled,
            "sensitive_features": sensitive_features,
            "sample_weight": sample_weight,
            "units": units,
        }
    )
    y = as_column(y_true, "y_true")
    pooled = as_column(y_pred_pooled, "y_pred_pooled", len(y))
    own = without_rounding(as_column(y_pred, "y_pred", len(y)), pooled)
    weights = as_weights(sample_weight, len(y))
    unit = np.arange(len(y)) if units is None else encode_groups(units, "units", n_rows=len(y)).codes
    loss_of = resolve_loss(loss, loss_limit, pos_label)
    check_has_test(loss_of)
    if loss_of.predicts == "labels":
        sets = LabelSets.of_columns(y, {"y_pred": own, "y_pred_pooled": pooled}, None)
        sets.check()
        loss_of = with_pos_label(loss_of, sets.everything)
    columns = _read_columns(X, sensitive_features, len(y))
    concerned = concerned_by(loss_of, y)
    if not concerned.all():
        y, own, pooled, unit = (part[concerned] for part in (y, own, pooled, unit))
        weights = None if weights is None else weights[concerned]
        columns = {name: column[concerned].reset_index(drop=True) for name, column in columns.items()}
    gain = loss_of(y, pooled, "y_pred_pooled").astype(float) - loss_of(y, own)
    if _is_scanned(method, loss_of, weights):
        if len(y) < min_samples_leaf:
            raise ValueError(
                f"There are {len(y)} rows; a slice of min_samples_leaf={min_samples_leaf} needs more."
            )
        slices = Slices.of(columns, len(y))
        found = scan(
            slices,
            gain < 0,
            gain > 0,
            smallest=min_samples_leaf,
            alpha=alpha,
            units=None if units is None else unit,
            rng=check_random_state(random_state),
        )
        return found.assign(harmed=(found["p_adjusted"] < alpha).to_numpy())
    features = _Features.of(columns)
    if len(y) < n_splits * min_samples_leaf:
        raise ValueError(
            f"There are {len(y)} rows; n_splits={n_splits} parts of min_samples_leaf={min_samples_leaf} need more."
        )
    # Trees bring half of scikit-learn with them; whoever asks for other metrics need not wait for it.
    from sklearn.tree import DecisionTreeRegressor

    rng = check_random_state(random_state)
    part_of_row = np.full(len(y), -1)
    subgroups: dict[int, str] = {}
    folds = KFold(n_splits, shuffle=True, random_state=rng).split(np.unique(unit))
    for part, (_, units_held_out) in enumerate(folds):
        is_held_out = np.isin(unit, units_held_out)
        rest, held_out = np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
        tree = DecisionTreeRegressor(
            max_depth=max_depth, min_samples_leaf=min_samples_leaf, random_state=rng.randint(2**31 - 1)
        )
        tree.fit(features.matrix[rest], gain[rest], sample_weight=None if weights is None else weights[rest])
        node = _worst_node(tree)
        if node is None:
            subgroups[part] = "nobody is expected to be harmed"
            continue
        subgroups[part] = features.describe(tree, node)
        inside = tree.decision_path(features.matrix[held_out])[:, [node]].toarray().ravel() > 0
        part_of_row[held_out[inside]] = part
    tests = _test(
        y=y,
        own=own,
        pooled=pooled,
        weights=weights,
        loss=loss_of,
        units=None if units is None else unit,
        part_of_row=part_of_row,
        parts=list(subgroups),
    )
    table = pd.DataFrame({"subgroup": subgroups}).rename_axis("part").join(tests)
    return table.assign(harmed=(table["p_adjusted"] < alpha).to_numpy())


def _test(
    y: np.ndarray,
    own: np.ndarray,
    pooled: np.ndarray,
    weights: np.ndarray | None,
    loss: Loss,
    units: np.ndarray | None,
    part_of_row: np.ndarray,
    parts: list[int],
) -> pd.DataFrame:
    """Test the people of every part who were found, all parts together."""
    found = (part_of_row >= 0) & (True if weights is None else weights > 0)
    columns = ["n", "gain", "negative_flip_rate", "positive_flip_rate", "p_value", "p_adjusted"]
    if not found.any():
        return pd.DataFrame(np.nan, parts, columns).assign(n=0)
    frame = PreferenceFrame(
        y_true=y[found],
        y_pred=own[found],
        y_pred_pooled=pooled[found],
        sensitive_features=part_of_row[found],
        sample_weight=None if weights is None else weights[found],
        loss=loss,
        units=None if units is None else units[found],
        labels=all_labels(y, own, pooled) if loss.predicts == "labels" else None,
    )
    # The tree of one part was grown on the people of the others: the tests are not independent.
    tests = frame.harm_tests(claims="rationality", correction="holm").set_index("group")
    tests = tests[["n", "gain", "p_value", "p_adjusted"]].join(
        frame.by_group[["negative_flip_rate", "positive_flip_rate"]]
    )[columns]
    return tests.reindex(parts).assign(n=lambda table: table["n"].fillna(0).astype(int))


def _is_scanned(method: str | None, loss: Loss, weights: np.ndarray | None) -> bool:
    if method not in (None, "scan", "tree"):
        raise ValueError(f"method must be 'scan' or 'tree'; got {method!r}.")
    applies = loss.is_binary and weights is None
    if method == "scan" and not applies:
        what = (
            f"loss={loss.name!r}, which has other values than 0 and 1"
            if not loss.is_binary
            else "sample_weight"
        )
        raise ValueError(f"method='scan' does not take {what}; use method='tree'.")
    return applies and method != "tree"


def _check_counts(**limits: tuple[Any, int]) -> None:
    for name, (value, least) in limits.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}; got {value!r}.")


def _worst_node(tree: DecisionTreeRegressor) -> int | None:
    """Node, leaf or not, whose people are the most significantly harmed; None where nobody is."""
    mean_gain = tree.tree_.value[:, 0, 0]
    deviation = np.sqrt(np.maximum(tree.tree_.impurity, 0.0))  # rounding may leave it below zero
    t = mean_gain * np.sqrt(tree.tree_.n_node_samples) / np.maximum(deviation, np.finfo(float).eps)
    node = int(np.argmin(t))
    return node if mean_gain[node] < 0 else None


@dataclass(frozen=True)
class _Features:
    """Features as numbers, with what their columns mean.

    Attributes
    ----------
    matrix : ndarray, shape (n, c)
    names : list of str, length c
    categories : list of str or None, length c
        The category that a 0-1 column stands for; None for a number.
    """

    matrix: np.ndarray
    names: list[str]
    categories: list[str | None]

    @classmethod
    def of(cls, columns: dict[str, pd.Series]) -> _Features:
        """Take numbers as they are, and a column of 0 and 1 for each category of others."""
        matrices: list[np.ndarray] = []
        names: list[str] = []
        categories: list[str | None] = []
        for name, column in columns.items():
            if pd.api.types.is_numeric_dtype(column):
                matrices.append(column.to_numpy(dtype=float, na_value=np.nan)[:, None])
                names.append(name)
                categories.append(None)
                continue
            text = column.astype(object).where(column.notna(), "missing").astype(str)
            encoder = OneHotEncoder(sparse_output=False, max_categories=50)
            matrices.append(encoder.fit_transform(text.to_numpy(dtype=object)[:, None]))
            labels = [str(c).removeprefix("x0_") for c in encoder.get_feature_names_out()]
            names += [name] * len(labels)
            categories += labels
        return cls(np.column_stack(matrices), names, categories)

    def describe(self, tree: DecisionTreeRegressor, node: int) -> str:
        """Write the conditions on the way to a node in words, those on one number as one range."""
        t = tree.tree_
        limits: dict[int, tuple[float, float]] = {}
        while node:
            is_left = node in t.children_left
            parent = int(np.flatnonzero((t.children_left if is_left else t.children_right) == node)[0])
            column, threshold = int(t.feature[parent]), float(t.threshold[parent])
            low, high = limits.get(column, (-np.inf, np.inf))
            new = (low, min(high, threshold)) if is_left else (max(low, threshold), high)
            limits = {column: new} | {other: limit for other, limit in limits.items() if other != column}
            node = parent
        return " and ".join(self._condition(column, *limit) for column, limit in limits.items()) or EVERYBODY

    def _condition(self, column: int, low: float, high: float) -> str:
        """Write ``low < value <= high``."""
        name, category = self.names[column], self.categories[column]
        if category is not None:
            return f"{name} {'!=' if np.isinf(low) else '='} {category}"
        values = self.matrix[:, column]
        known = values[~np.isnan(values)]
        if np.array_equal(known, np.rint(known)):  # between two integers the next one reads better
            low, high = np.floor(low) + 1, np.floor(high) + 1
            if np.isinf(low):
                return f"{name} < {high:.0f}"
            return f"{name} >= {low:.0f}" if np.isinf(high) else f"{low:.0f} <= {name} < {high:.0f}"
        if np.isinf(low):
            return f"{name} <= {high:.4g}"
        return f"{name} > {low:.4g}" if np.isinf(high) else f"{low:.4g} < {name} <= {high:.4g}"


def _read_columns(X: Any, sensitive_features: Any, n_rows: int) -> dict[str, pd.Series]:
    """Features by name; sensitive features after the others."""
    columns = _named_columns(X)
    if sensitive_features is not None:
        groups = group_columns(sensitive_features, "sensitive_features")
        columns |= {name: pd.Series(to_numpy(column)).infer_objects() for name, column in groups.items()}
    for name, column in columns.items():
        if len(column) != n_rows:
            raise ValueError(f"Feature {name!r} has {len(column)} rows, but y_true has {n_rows}.")
    return columns


def _named_columns(X: Any) -> dict[str, pd.Series]:
    if isinstance(X, dict):
        return {str(name): pd.Series(np.asarray(column)) for name, column in X.items()}
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        table = frame.to_pandas()
        return {str(name): table.iloc[:, i].reset_index(drop=True) for i, name in enumerate(table.columns)}
    array = np.asarray(X)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"X must have rows and columns of features; its shape is {array.shape}.")
    return {f"x{i}": pd.Series(array[:, i]).infer_objects() for i in range(array.shape[1])}
