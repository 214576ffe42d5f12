"""The usual way from a table of people to numbers."""

from __future__ import annotations

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def default_preprocessor(data: pd.DataFrame) -> ColumnTransformer:
    """Make the usual transformer: numbers are imputed and scaled, categories one-hot encoded.

    Parameters
    ----------
    data : DataFrame, shape (n, d)
        Features, of which the kinds of columns are read. Nothing is fitted.

    Returns
    -------
    ColumnTransformer
        Not yet fitted. Categories that did not occur in `fit` become zeros.

    Examples
    --------
    >>> import pandas as pd
    >>> from fairlearn_fwh.datasets import default_preprocessor
    >>> data = pd.DataFrame({"age": [20, 30, 40], "job": ["a", "b", "a"]})
    >>> default_preprocessor(data).fit_transform(data).shape
    (3, 3)
    """
    numbers = [c for c in data.columns if pd.api.types.is_numeric_dtype(data[c].dtype)]
    categories = [c for c in data.columns if c not in numbers]
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
        ],
        verbose_feature_names_out=False,
    )
