"""The usual way from a table of people to numbers."""

from __future__ import annotations

from typing import Any

import narwhals as nw
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def default_preprocessor(data: Any) -> ColumnTransformer:
    """Make the usual transformer: numbers are imputed and scaled, categories one-hot encoded.

    Parameters
    ----------
    data : DataFrame, shape (n, d)
        Features (pandas, polars or another frame that narwhals knows), of which the kinds of columns are read. Nothing
        is fitted.

    Returns
    -------
    ColumnTransformer
        Not yet fitted. Categories that did not occur in `fit` become zeros.

    Raises
    ------
    TypeError
        If `data` is not a frame.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairlearn_fwh.datasets import default_preprocessor
    >>> data = pd.DataFrame({"age": [20, 30, 40], "job": ["a", "b", "a"]})
    >>> default_preprocessor(data).fit_transform(data).shape
    (3, 3)
    """
    schema = nw.from_native(data, eager_only=True).schema
    numbers = [name for name, dtype in schema.items() if dtype.is_numeric() or dtype == nw.Boolean]
    categories = [name for name in schema if name not in numbers]
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
        ],
        verbose_feature_names_out=False,
    )
