"""Reviews of women's clothing: texts with two tasks and the reviewers' ages."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ._bunch import bands
from ._files import Form, Source, read_csv

_COLUMNS = (
    "clothing_id", "age", "title", "review_text", "rating", "recommended", "positive_feedback_count", "division",
    "department", "class",
)  # fmt: skip

#: What can be predicted.
_TARGETS = ("recommended", "department")

_DESCRIPTION = """Women's E-Commerce Clothing Reviews

Source: N. Brooks (2018), published on Kaggle under CC0 1.0. Real reviews of one retailer, anonymised by the publisher: there are no users and no names.
Rows: {n:,} of 23,486 with a text{left_out}. Target: {target}.
Features: title (empty text where there is none) and review_text. Left out are the rating, which gives the recommendation away, division and class, which give the department
away, and votes, which came later.
Sensitive feature: age_group of the reviewer ("up to 34", "35 to 49", "50 and over"). Age is not among the features; people do mention their height, size and
sometimes their age in the texts.
Units: the article (clothing_id); reviews of one article belong on one side of a split.
"""

#: A department that is left out.
_TOO_SMALL = "Trend"

_SOURCE = Source(
    name="the clothing reviews",
    forms=(
        Form(
            {"clothing-reviews.csv.gz": "009f7ffff48bfbab6bc007d8a98e972273ebd8b51c56d4d206d58a47606672a1"},
            read_csv,
        ),
    ),
    columns=_COLUMNS,
    download=None,
    how_to_get='Get "Women\'s E-Commerce Clothing Reviews" (N. Brooks, Kaggle, CC0 1.0) and keep it as clothing-reviews.csv.gz with the columns '
    "clothing_id, age, title, review_text, rating, recommended, positive_feedback_count, division, department, class.",
)


def fetch_clothing_reviews(
    *, target: str = "recommended", data_home: Any = None, return_X_y: bool = False
) -> Any:
    """Load clothing reviews: does a reviewer recommend the article, or which department is it from?

    It is never downloaded: the error says where it is published.

    Parameters
    ----------
    target : {"recommended", "department"}
        The recommendation (1: yes), or the department (text, one of five; the 118 texts of a sixth, Trend, are left out: rates of its age bands would be
        of a handful).
    data_home : path-like, optional
        Folder with the data file. Looked in before the folder of the environment variable ``FAIRLEARN_FWH_DATA`` and a cache folder.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (DataFrame, Series)
        Rows are named by their place in the file, so that the two tasks' rows of one review have one name.
        `data` (n, 2) with `title` and `review_text`, `target`, `sensitive_features` (age_group), `units` (the article of each review), `feature_names`,
        `target_names`, `DESCR`.

    Raises
    ------
    ValueError
        If `target` is unknown.
    DatasetNotFoundError
        If the file is nowhere.
    InvalidDataFileError
        If the file lacks a column or has another content than the published one.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_clothing_reviews
    >>> bunch = fetch_clothing_reviews()  # doctest: +SKIP
    >>> bunch.data.shape  # doctest: +SKIP
    (22641, 2)
    """
    if target not in _TARGETS:
        raise ValueError(f"target must be one of {list(_TARGETS)}; got {target!r}.")
    raw = _SOURCE.load(data_home, download_if_missing=False)
    known = raw["review_text"].notna() & raw[target].notna() & (raw[target] != _TOO_SMALL)
    rows = raw[known]
    data = rows[["title", "review_text"]].fillna("").astype(object)
    is_recommended = target == "recommended"
    labels = rows[target].astype("int64") if is_recommended else rows[target].astype(str).astype(object)
    labels = labels.rename(target)
    if return_X_y:
        return data, labels
    names = ["not recommended", "recommended"] if is_recommended else sorted(set(labels))
    ages = bands(rows["age"], [35, 50], ["up to 34", "35 to 49", "50 and over"])
    told = (
        f"recommended ({int(labels.sum()):,} texts)" if is_recommended else f"department ({', '.join(names)})"
    )
    return Bunch(
        data=data,
        target=labels,
        sensitive_features=ages.astype(object).to_frame("age_group"),
        units=rows["clothing_id"].to_numpy(np.int64),
        feature_names=["title", "review_text"],
        target_names=names,
        DESCR=_DESCRIPTION.format(
            n=len(rows), target=told, left_out="" if is_recommended else " and a department other than Trend"
        ),
    )
