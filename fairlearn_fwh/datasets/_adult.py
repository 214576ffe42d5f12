"""Adult (census income)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from fairlearn.datasets import fetch_adult as fetch_from_openml

from ._bunch import make_bunch
from ._files import Form, Source, read_csv

_COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship",
    "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income",
)  # fmt: skip
_LEFT_OUT = ("fnlwgt", "race", "sex", "income")

_DESCRIPTION = """Adult (census income)

Source: UCI Machine Learning Repository, B. Becker and R. Kohavi (1996), DOI 10.24432/C5XW20, licence CC BY 4.0;
extracted from the 1994 US Current Population Survey.
Rows: 48,842 (the published training part, then the test part), none left out. Target: income above 50K (11,687 rows).
Sensitive features: race, sex. They are not among the features, and neither is fnlwgt, a census sampling weight.
The marker "?" (workclass, occupation, native-country) is kept as a category of its own.
The features marital-status and relationship tell the sex of many people.
"""


def _parse_original(training: bytes, test: bytes) -> pd.DataFrame:
    parts = [
        read_csv(content, names=list(_COLUMNS), skipinitialspace=True, skiprows=skip)
        for content, skip in ((training, 0), (test, 1))
    ]
    return pd.concat(parts, ignore_index=True).assign(income=lambda frame: frame["income"].str.rstrip("."))


def _download(folder: Path) -> pd.DataFrame:
    bunch = fetch_from_openml(cache=True, data_home=folder, as_frame=True)
    raw = pd.DataFrame(bunch.data).set_axis(list(_COLUMNS[:-1]), axis=1)
    for column in raw.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in raw.dtypes]]:
        raw[column] = raw[column].astype(object).fillna("?")
    return raw.assign(income=bunch.target.astype(object))


_SOURCE = Source(
    name="the Adult data set",
    forms=(
        Form({"adult.csv.gz": "6f8f2babc5ee744afd03f6d978d8d6b3e3b0aae240d931c4976a9cce7af0d347"}, read_csv),
        Form(
            {
                "adult.data": "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
                "adult.test": "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
            },
            _parse_original,
        ),
    ),
    columns=_COLUMNS,
    download=_download,
    how_to_get="Get adult.data and adult.test from the UCI Machine Learning Repository (DOI 10.24432/C5XW20).",
)


def fetch_adult(*, data_home: Any = None, download_if_missing: bool = True, return_X_y: bool = False) -> Any:
    """Load the Adult data set: does a person earn more than 50,000 dollars a year?

    Parameters
    ----------
    data_home : path-like, optional
        Folder with the data file, and where downloads go. Looked in before the folder of the environment variable
        ``FAIRLEARN_FWH_DATA`` and a cache folder.
    download_if_missing : bool
        Download from OpenML, through fairlearn, if no folder has the file.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (48842, 11), `target` (1: more than 50K), `sensitive_features` (race, sex), `feature_names`,
        `target_names`, `DESCR`.

    Raises
    ------
    DatasetNotFoundError
        If the file is nowhere and cannot be downloaded.
    InvalidDataFileError
        If a file lacks a column or has another content than the published one.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_adult
    >>> bunch = fetch_adult()  # doctest: +SKIP
    >>> bunch.data.shape  # doctest: +SKIP
    (48842, 11)
    """
    raw = _SOURCE.load(data_home, download_if_missing)
    return make_bunch(
        raw,
        features=[column for column in _COLUMNS if column not in _LEFT_OUT],
        target=(raw["income"] == ">50K").rename("income"),
        target_names=["<=50K", ">50K"],
        sensitive_features={"race": raw["race"], "sex": raw["sex"]},
        description=_DESCRIPTION,
        return_X_y=return_X_y,
    )
