"""COMPAS: arrests within two years, and violent ones (ProPublica)."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from ._bunch import make_bunch
from ._files import Form, Source, read_csv, retrieve

_IDENTIFYING = ("name", "first", "last", "dob", "c_case_number", "r_case_number", "vr_case_number")
_FEATURES = ("age", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", "c_charge_degree")
_COLUMNS = (*_FEATURES, "sex", "race", "age_cat", "two_year_recid")

_DESCRIPTION = """COMPAS, {kind}

Source: ProPublica, "Machine Bias" (2016), repository propublica/compas-analysis; Broward County, Florida, public
records of 2013 and 2014. The repository states no licence; credit ProPublica.
Rows: {rows}, no filter. Target: {target} ({positives} rows).
Sensitive features: race, sex, age_group (ProPublica's three bands). age is also a feature.
Left out: names, dates of birth and case numbers (never kept); everything that describes what happened after the
screening (is_recid, r_*, is_violent_recid, violent_recid, vr_*, event, start, end, in_custody, out_custody); the
tool's own predictions (decile_score, score_text, v_*); dates of jail, offence and screening and numbers derived from
them, which are missing for some people; and the charge in words, of which many occur once and could identify a person.
"""


def _parse(content: bytes) -> pd.DataFrame:
    """Read a table of ProPublica's, with or without the columns that identify people."""
    return read_csv(content, usecols=lambda column: column not in _IDENTIFYING)


def _download(folder: Path, *, name: str, sha256: str) -> pd.DataFrame:
    """Download the original, drop what identifies people, and keep only the rest on disk."""
    url = f"https://raw.githubusercontent.com/propublica/compas-analysis/master/{name}.csv"
    with tempfile.TemporaryDirectory() as temporary:
        raw = _parse(retrieve(url, sha256, Path(temporary), f"{name}.csv").read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    raw.to_csv(folder / f"{name}.anonymous.csv", index=False)
    return raw


def _source(name: str, kind: str, shared_sha256: str, original_sha256: str) -> Source:
    return Source(
        name=f"the COMPAS data set ({kind})",
        forms=(
            Form({f"{name}.csv.gz": shared_sha256}, _parse),
            Form({f"{name}.csv": original_sha256}, _parse),
            Form({f"{name}.anonymous.csv": None}, _parse),
        ),
        columns=_COLUMNS,
        download=partial(_download, name=name, sha256=original_sha256),
        how_to_get=f"Get {name}.csv from the repository propublica/compas-analysis.",
    )


_ARREST = _source(
    "compas-scores-two-years",
    "two years",
    "a5e5c34bfd2d1f065bb12a44c0323421baf74b98b97d585915a0c2e1513ecaba",
    "c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d",
)
_VIOLENT = _source(
    "compas-scores-two-years-violent",
    "two years, violent",
    "b8abcc0124548c8d16ae8dd48fc03a6153a1a18c895c378ac0517e367ecd84fe",
    "918e218ba181d4db8a7266977d23ca7a5ecf1bc7d5defd7b2f27bf3cbd9763e3",
)


def _bunch(raw: pd.DataFrame, target_names: list[str], description: str, return_X_y: bool) -> Any:
    return make_bunch(
        raw,
        features=_FEATURES,
        target=raw["two_year_recid"],
        target_names=target_names,
        sensitive_features={
            "race": raw["race"],
            "sex": raw["sex"],
            "age_group": raw["age_cat"].rename("age_group"),
        },
        description=description,
        return_X_y=return_X_y,
    )


def fetch_arrest(*, data_home: Any = None, download_if_missing: bool = True, return_X_y: bool = False) -> Any:
    """Load COMPAS, two years: is a person arrested again within two years?

    Parameters
    ----------
    data_home : path-like, optional
        Folder with the data file, and where downloads go. Looked in before the folder of the environment variable
        ``FAIRLEARN_FWH_DATA`` and a cache folder.
    download_if_missing : bool
        Download from ProPublica if no folder has the file. What identifies people is dropped and not kept.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (7214, 6), `target` (1: arrested again), `sensitive_features` (race, sex, age_group),
        `feature_names`, `target_names`, `DESCR`.

    Raises
    ------
    DatasetNotFoundError
        If the file is nowhere and cannot be downloaded.
    InvalidDataFileError
        If a file lacks a column or has another content than the published one.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_arrest
    >>> bunch = fetch_arrest()  # doctest: +SKIP
    """
    description = _DESCRIPTION.format(
        kind="two years", rows="7,214", target="arrested again within two years", positives="3,251"
    )
    raw = _ARREST.load(data_home, download_if_missing)
    return _bunch(raw, ["not arrested again", "arrested again"], description, return_X_y)


def fetch_violent(
    *, data_home: Any = None, download_if_missing: bool = True, return_X_y: bool = False
) -> Any:
    """Load COMPAS, two years, violent: is a person arrested for a violent offence within two years?

    Parameters
    ----------
    data_home : path-like, optional
        Folder with the data file, and where downloads go. Looked in before the folder of the environment variable
        ``FAIRLEARN_FWH_DATA`` and a cache folder.
    download_if_missing : bool
        Download from ProPublica if no folder has the file. What identifies people is dropped and not kept.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        `data` (4743, 6), `target` (1: arrested for a violent offence), `sensitive_features` (race, sex,
        age_group), `feature_names`, `target_names`, `DESCR`.

    Raises
    ------
    DatasetNotFoundError
        If the file is nowhere and cannot be downloaded.
    InvalidDataFileError
        If a file lacks a column or has another content than the published one.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_violent
    >>> bunch = fetch_violent()  # doctest: +SKIP
    """
    description = _DESCRIPTION.format(
        kind="two years, violent",
        rows="4,743",
        target="arrested for a violent offence within two years",
        positives="775",
    )
    raw = _VIOLENT.load(data_home, download_if_missing)
    return _bunch(raw, ["no violent arrest", "violent arrest"], description, return_X_y)
