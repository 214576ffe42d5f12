"""Bank Marketing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from fairlearn.datasets import fetch_bank_marketing as fetch_from_openml

from ._bunch import bands, make_bunch
from ._files import Form, Source, read_csv

_COLUMNS = (
    "age", "job", "marital", "education", "default", "balance", "housing", "loan", "contact", "day", "month",
    "duration", "campaign", "pdays", "previous", "poutcome", "y",
)  # fmt: skip
_SHA256 = "d1513ec63b385506f7cfce9f2c5caa9fe99e7ba4e8c3fa264b3aaf0f849ed32d"

_DESCRIPTION = """Bank Marketing

Source: UCI Machine Learning Repository, S. Moro, P. Rita and P. Cortez (2012), DOI 10.24432/C5K306, licence CC BY 4.0.
Rows: 45,211, none left out. Target: the client subscribes a term deposit (5,289 rows).
Sensitive feature: age_group ("under 25", "25 to 60", "over 60"); age is not among the features.
duration, the seconds of the call, is known only after the call that decides the target: it is left out unless
include_leakage=True. "unknown" is a category of its own; pdays is -1 for clients who were never contacted before.
"""


def _download(folder: Path) -> pd.DataFrame:
    bunch = fetch_from_openml(cache=True, data_home=folder, as_frame=True)
    raw = pd.DataFrame(bunch.data).set_axis(list(_COLUMNS[:-1]), axis=1)
    return raw.assign(y=bunch.target.astype(str).map({"1": "no", "2": "yes"}))


_parse = partial(read_csv, sep=";")

_SOURCE = Source(
    name="the Bank Marketing data set",
    forms=(Form({"bank-full.csv.gz": _SHA256}, _parse), Form({"bank-full.csv": _SHA256}, _parse)),
    columns=_COLUMNS,
    download=_download,
    how_to_get="Get bank-full.csv from the UCI Machine Learning Repository (DOI 10.24432/C5K306).",
)


def fetch_bank_marketing(
    *,
    data_home: Any = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    include_leakage: bool = False,
) -> Any:
    """Load Bank Marketing: does a client subscribe to a term deposit?

    Parameters
    ----------
    data_home : path-like, optional
        Folder with the data file, and where downloads go. Looked in before the folder of the environment variable
        ``FAIRLEARN_FWH_DATA`` and a cache folder.
    download_if_missing : bool
        Download from OpenML, through fairlearn, if no folder has the file.
    return_X_y : bool
        Return ``(data, target)`` only.
    include_leakage : bool
        Keep `duration`, which is known only after the target is; for comparison with published results.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (45211, 14), `target` (1: subscribes), `sensitive_features` (age_group), `feature_names`,
        `target_names`, `DESCR`.

    Raises
    ------
    DatasetNotFoundError
        If the file is nowhere and cannot be downloaded.
    InvalidDataFileError
        If a file lacks a column or has another content than the published one.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_bank_marketing
    >>> bunch = fetch_bank_marketing()  # doctest: +SKIP
    """
    raw = _SOURCE.load(data_home, download_if_missing)
    left_out = {"age", "y"} if include_leakage else {"age", "y", "duration"}
    return make_bunch(
        raw,
        features=[column for column in _COLUMNS if column not in left_out],
        target=(raw["y"] == "yes").rename("subscribes"),
        target_names=["no deposit", "deposit"],
        sensitive_features={"age_group": bands(raw["age"], [25, 61], ["under 25", "25 to 60", "over 60"])},
        description=_DESCRIPTION,
        return_X_y=return_X_y,
    )
