"""German credit (Statlog)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ._bunch import bands, make_bunch
from ._files import Form, Source, read_csv, retrieve

_COLUMNS = (
    "status", "duration", "credit_history", "purpose", "amount", "savings", "employment_since", "installment_rate",
    "personal_status_sex", "other_debtors", "residence_since", "property", "age", "other_installment_plans",
    "housing", "existing_credits", "job", "num_dependents", "telephone", "foreign_worker", "class",
)  # fmt: skip
_LEFT_OUT = ("personal_status_sex", "age", "class")
_ORIGINAL_SHA256 = "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871"
_URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/statlog/german/german.data"

_DESCRIPTION = """German credit (Statlog)

Source: UCI Machine Learning Repository, H. Hofmann (1994), DOI 10.24432/C5NC77, licence CC BY 4.0.
Rows: 1,000, none left out. Target: good credit (700 rows); the original codes 1 = good, 2 = bad become 1 and 0.
Sensitive features: sex (from personal_status_sex: 690 male, 310 female) and age_group ("25 or younger", "over 25").
They are not among the features, and neither are personal_status_sex and age. Codes are as published, with the known
coding errors of this version (see the later "South German Credit" correction).
"""


def _parse_original(content: bytes) -> pd.DataFrame:
    return read_csv(content, names=list(_COLUMNS), sep=" ")


def _download(folder: Path) -> pd.DataFrame:
    return _parse_original(retrieve(_URL, _ORIGINAL_SHA256, folder, "german.data").read_bytes())


_SOURCE = Source(
    name="the German credit data set",
    forms=(
        Form({"german.csv.gz": "e42bc973ff2452a8de7b4cee47be39a280e5c0db5b86217dd46326de5a3a3b3f"}, read_csv),
        Form({"german.data": _ORIGINAL_SHA256}, _parse_original),
    ),
    columns=_COLUMNS,
    download=_download,
    how_to_get="Get german.data from the UCI Machine Learning Repository (DOI 10.24432/C5NC77).",
)


def fetch_german_credit(
    *, data_home: Any = None, download_if_missing: bool = True, return_X_y: bool = False
) -> Any:
    """Load German credit: is a person a good credit risk?

    Parameters
    ----------
    data_home : path-like, optional
        Folder with the data file, and where downloads go. Looked in before the folder of the environment variable
        ``FAIRLEARN_FWH_DATA`` and a cache folder.
    download_if_missing : bool
        Download from the UCI repository if no folder has the file.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (1000, 18), `target` (1: good credit), `sensitive_features` (sex, age_group), `feature_names`,
        `target_names`, `DESCR`.

    Raises
    ------
    DatasetNotFoundError
        If the file is nowhere and cannot be downloaded.
    InvalidDataFileError
        If a file lacks a column or has another content than the published one.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_german_credit
    >>> bunch = fetch_german_credit()  # doctest: +SKIP
    """
    raw = _SOURCE.load(data_home, download_if_missing)
    sex = raw["personal_status_sex"].map(
        {"A91": "male", "A92": "female", "A93": "male", "A94": "male", "A95": "female"}
    )
    return make_bunch(
        raw,
        features=[column for column in _COLUMNS if column not in _LEFT_OUT],
        target=(raw["class"] == 1).rename("good_credit"),
        target_names=["bad credit", "good credit"],
        sensitive_features={
            "sex": sex.rename("sex"),
            "age_group": bands(raw["age"], [26], ["25 or younger", "over 25"]),
        },
        description=_DESCRIPTION,
        return_X_y=return_X_y,
    )
