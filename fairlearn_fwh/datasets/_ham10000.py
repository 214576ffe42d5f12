"""HAM10000 (skin lesions), as small images."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..exceptions import DatasetNotFoundError, InvalidDataFileError
from ._bunch import as_categories, bands
from ._files import Form, Source, check_content, read_csv, search_folders

_IMAGES = "ham10000_28x28_rgb.npz"
_IMAGES_SHA256 = "a5217a067e89e729084c895a8cc16a16992627a63d1d6df3055d3f2b1143feef"
_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
_SHA256 = "06aee5e603d313ba69de38263053c792a1dff030eb9c44a96ceb477ceefb99a5"
_MALIGNANT = ("mel", "akiec")

_DESCRIPTION = """HAM10000 (skin lesions), 28 x 28 pixels

Source: P. Tschandl, C. Rosendahl and H. Kittler, Scientific Data 5, 180161 (2018), DOI 10.1038/sdata.2018.161; data
DOI 10.7910/DVN/DBW86T. Licence: non-commercial; read the terms at the data DOI. Not for clinical use.
Rows: 10,015 images of 7,470 lesions; several images of one lesion must stay on one side of a split (lesion_id).
Target: malignant, that is mel or akiec (1,440 images). Sensitive features: sex and age_group, missing where the
source has no value (57 images each).
"""

_METADATA = Source(
    name="the metadata of HAM10000",
    forms=(
        Form({"HAM10000_metadata.csv.gz": _SHA256}, read_csv),
        Form({"HAM10000_metadata.csv": _SHA256}, read_csv),
        Form({"HAM10000_metadata": _SHA256}, read_csv),
    ),
    columns=_COLUMNS,
    download=None,
    how_to_get="Get HAM10000_metadata from Harvard Dataverse (DOI 10.7910/DVN/DBW86T) and accept its terms.",
)


def _no_images(folders: list[Path]) -> str:
    return (
        f"The images of HAM10000 were not found, and they are never downloaded. Looked for {_IMAGES} in "
        f"{', '.join(map(str, folders))}. It holds the images of Harvard Dataverse (DOI 10.7910/DVN/DBW86T), resized "
        "to 28 x 28 pixels, as arrays `images` and `image_id` in the order of the metadata. Then name the folder by "
        "data_home or the environment variable FAIRLEARN_FWH_DATA."
    )


def _load_images(data_home: Any) -> tuple[np.ndarray, np.ndarray]:
    folders = search_folders(data_home)
    found = [folder / _IMAGES for folder in folders if (folder / _IMAGES).is_file()]
    if not found:
        raise DatasetNotFoundError(_no_images(folders))
    content = found[0].read_bytes()
    check_content(found[0], content, _IMAGES_SHA256)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return arrays["images"], arrays["image_id"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidDataFileError(
            f"{found[0]} does not hold the arrays images and image_id: {error}"
        ) from error


def fetch_ham10000(
    *, data_home: Any = None, download_if_missing: bool = True, return_X_y: bool = False
) -> Any:
    """Load HAM10000: is a skin lesion malignant?

    Parameters
    ----------
    data_home : path-like, optional
        Folder with the files. Looked in before the folder of the environment variable ``FAIRLEARN_FWH_DATA`` and a cache folder.
    download_if_missing : bool
        Without effect: the terms of use forbid it, so the error says how to get the files.
    return_X_y : bool
        Return ``(data, target)`` only.

    Returns
    -------
    Bunch or (ndarray, Series)
        `data` (uint8, 10015 x 28 x 28 x 3), `target` (1: malignant), `sensitive_features` (sex, age_group; missing
        values stay missing), `lesion_id` (Series), `metadata` (DataFrame), `feature_names`, `target_names`, `DESCR`.

    Raises
    ------
    DatasetNotFoundError
        If a file is nowhere.
    InvalidDataFileError
        If a file lacks a column or has another content than expected.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_ham10000
    >>> bunch = fetch_ham10000()  # doctest: +SKIP
    """
    metadata = _METADATA.load(data_home, download_if_missing)
    images, image_id = _load_images(data_home)
    if not np.array_equal(image_id, metadata["image_id"].to_numpy(dtype=str)):
        raise InvalidDataFileError(
            f"{_IMAGES} and the metadata of HAM10000 do not have the same images in the same order."
        )
    target = metadata["dx"].isin(_MALIGNANT).astype("int64").rename("malignant")
    if return_X_y:
        return images, target
    ages = bands(metadata["age"], [20, 40, 60, 80], ["0-19", "20-39", "40-59", "60-79", "80+"])
    return Bunch(
        data=images,
        target=target,
        sensitive_features=pd.DataFrame(
            {"sex": metadata["sex"].replace("unknown", None).astype("category"), "age_group": ages}
        ),
        lesion_id=metadata["lesion_id"],
        metadata=as_categories(metadata.drop(columns=["lesion_id", "image_id"])),
        feature_names=["image"],
        target_names=["benign", "malignant"],
        DESCR=_DESCRIPTION,
    )
