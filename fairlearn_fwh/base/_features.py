"""Features are checked here: their number and names, and their values where the method itself computes with them."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn.utils.validation import validate_data


def is_frame(X: Any) -> bool:
    """Whether features come as a data frame of any kind."""
    return isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)


def check_columns(estimator: Any, X: Any, *, reset: bool, **checks: Any) -> Any:
    """Check number and names of features; values are left to the classifiers inside to check.

    Parameters
    ----------
    estimator : estimator
        Remembers `n_features_in_` and `feature_names_in_`.
    X : array-like or data frame
    reset : bool
        Whether the features are those of a fit.
    **checks
        What else arrays must be, as scikit-learn's ``validate_data`` takes it.

    Returns
    -------
    array or data frame
        A data frame as it was given.
    """
    if is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return X
    return validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite=False, **checks)


def check_values(estimator: Any, X: Any, *, reset: bool, **checks: Any) -> Any:
    """Check features that must be finite numbers; as `check_columns`, but for `checks`, which hold for data frames too."""
    checked = validate_data(estimator, X, reset=reset, **checks)
    return X if is_frame(X) else checked  # frames stay frames: classifiers inside may know columns by name


def check_numbers(estimator: Any, X: Any, *, reset: bool, **checks: Any) -> Any:
    """Check features as `check_values`, and first say which columns are text and what to do with them.

    Raises
    ------
    ValueError
        If there is text.
    """
    check_no_text(X, type(estimator).__name__)
    return check_values(estimator, X, reset=reset, **checks)


def check_no_text(X: Any, estimator: str) -> None:
    """Raise ValueError if X has columns of text.

    The message names them and says what to do.
    """
    if columns := text_columns(X):
        if _are_sentences(X):
            raise ValueError(
                f"{estimator} takes numbers, but X has texts. Turn them into numbers first, for instance "
                f"make_pipeline(fairlearn_fwh.datasets.make_text_preprocessor('tfidf'), {estimator}())."
            )
        raise ValueError(
            f"{estimator} takes numbers, but X has text or categories in column(s) {columns[:10]!r}. Encode them first, "
            "for instance make_pipeline(fairlearn_fwh.datasets.default_preprocessor(X), "
            f"{estimator}())."
        )


#: Words by which a text is told from a category, on average over the first rows.
_WORDS_OF_TEXTS = 5

#: Rows that are looked at.
_ROWS_LOOKED_AT = 50


def _are_sentences(X: Any) -> bool:
    """Whether a column holds texts of several words rather than categories."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        columns = [frame[:_ROWS_LOOKED_AT, i].to_list() for i in range(frame.shape[1])]
    else:
        columns = (
            np.asarray(X[:_ROWS_LOOKED_AT], dtype=object).reshape(min(len(X), _ROWS_LOOKED_AT), -1).T.tolist()
        )
    words = [[len(value.split()) for value in column if isinstance(value, str)] for column in columns]
    return any(len(n) > 0 and float(np.mean(n)) >= _WORDS_OF_TEXTS for n in words)


def text_columns(X: Any) -> list[Any]:
    """Columns of a frame or an array of objects that hold something else than numbers."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        return [name for name, dtype in frame.schema.items() if not _holds_numbers(frame[name], dtype)]
    if isinstance(X, np.ndarray) and (X.ndim != 2 or X.dtype.kind not in "OUS"):
        return []
    first = X[0] if isinstance(X, np.ndarray | list) and len(X) else ()
    return (
        [i for i, value in enumerate(first) if _is_text(value)]
        if isinstance(first, np.ndarray | list)
        else []
    )


def _holds_numbers(column: nw.Series[Any], dtype: Any) -> bool:
    if dtype == nw.Object:  # pandas keeps anything in such columns
        return len(column) > 0 and not _is_text(column[0])
    return bool(dtype.is_numeric() or dtype == nw.Boolean)


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)
