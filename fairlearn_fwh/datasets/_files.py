"""Finding, checking and reading data files."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pooch

from ..exceptions import DatasetNotFoundError, InvalidDataFileError

#: Environment variable that names a folder with data files.
DATA_VARIABLE = "FAIRLEARN_FWH_DATA"


@dataclass(frozen=True)
class Form:
    """One form in which a data set is kept on disk.

    Parameters
    ----------
    checksums : mapping from file name to sha256
        Checksum of each file's uncompressed content; None for what this package has written itself.
    parse : callable
        Makes the raw table from the contents, in the order of `checksums`.
    """

    checksums: Mapping[str, str | None]
    parse: Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Source:
    """A data set: the forms it may have on disk, and how to get it from its publisher.

    Parameters
    ----------
    name : str
        Name of the data set, for messages.
    forms : tuple of Form
        Forms that are looked for, in this order.
    columns : tuple of str
        Columns that the raw table must have.
    download : callable from folder to DataFrame, or None
        Fetches the raw table from the publisher and may keep files in the folder.
    how_to_get : str
        What the user can do by hand.
    """

    name: str
    forms: tuple[Form, ...]
    columns: tuple[str, ...]
    download: Callable[[Path], pd.DataFrame] | None
    how_to_get: str

    def load(self, data_home: str | os.PathLike[str] | None, download_if_missing: bool) -> pd.DataFrame:
        """Read the raw table from the first folder that has it, else download it.

        Raises
        ------
        DatasetNotFoundError
            If no folder has the file and it cannot, or must not, be downloaded.
        InvalidDataFileError
            If a file lacks a column or its checksum is wrong.
        """
        folders = search_folders(data_home)
        for folder in folders:
            for form in self.forms:
                paths = [folder / name for name in form.checksums]
                if all(path.is_file() for path in paths):
                    return self._read(form, paths)
        if not download_if_missing or self.download is None:
            reason = "it is never downloaded" if self.download is None else "download_if_missing is False"
            raise DatasetNotFoundError(self._not_found(folders, reason))
        try:
            frame = self.download(folders[0] if data_home is not None else cache_folder())
        except OSError as error:
            raise DatasetNotFoundError(self._not_found(folders, f"the download failed ({error})")) from error
        self.check_columns(frame, "the downloaded file")
        return frame

    def _read(self, form: Form, paths: list[Path]) -> pd.DataFrame:
        contents = [read_content(path) for path in paths]
        named = ", ".join(str(path) for path in paths)
        try:
            frame = form.parse(*contents)
        except ValueError as error:
            raise InvalidDataFileError(f"{named} cannot be read as {self.name}: {error}") from error
        self.check_columns(frame, named)
        for path, content, expected in zip(paths, contents, form.checksums.values(), strict=True):
            if expected is not None:
                check_content(path, content, expected)
        return frame

    def check_columns(self, frame: pd.DataFrame, named: str) -> None:
        """Raise InvalidDataFileError if a column is missing."""
        missing = [column for column in self.columns if column not in frame]
        if missing:
            raise InvalidDataFileError(f"{named} is not {self.name}: it lacks the column(s) {missing}.")

    def _not_found(self, folders: Iterable[Path], reason: str) -> str:
        files = " or ".join(" with ".join(form.checksums) for form in self.forms)
        looked = ", ".join(str(folder) for folder in folders)
        return (
            f"{self.name} was not found, and {reason}. Looked for {files} in {looked}. "
            f"{self.how_to_get} Then name the folder by data_home or the environment variable {DATA_VARIABLE}."
        )


def cache_folder() -> Path:
    """Folder in which downloads are kept."""
    return Path(pooch.os_cache("fairlearn_fwh"))


def search_folders(data_home: str | os.PathLike[str] | None) -> list[Path]:
    """Folders in which data files are looked for, in this order."""
    named = [data_home, os.environ.get(DATA_VARIABLE)]
    return [*(Path(folder).expanduser() for folder in named if folder), cache_folder()]


def read_content(path: Path) -> bytes:
    """Read a file, uncompressed.

    Raises
    ------
    InvalidDataFileError
        If a compressed file is damaged.
    """
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError) as error:
        raise InvalidDataFileError(f"{path} is damaged or cut off: {error}") from error


def check_content(path: Path, content: bytes, expected: str) -> None:
    """Raise InvalidDataFileError unless the content has the expected sha256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise InvalidDataFileError(
            f"{path} is not the published file: its content has sha256 {found}, expected {expected}. "
            "Remove it or replace it by the original."
        )


def read_csv(content: bytes, **options: Any) -> pd.DataFrame:
    """Read a table in which only the empty field is missing."""
    return pd.read_csv(
        io.BytesIO(content), keep_default_na=False, na_values=[""], low_memory=False, **options
    )


def retrieve(url: str, sha256: str, folder: Path, name: str) -> Path:
    """Download a file with pooch.

    Raises
    ------
    InvalidDataFileError
        If the file that came has another checksum.
    """
    try:
        return Path(pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=name, path=folder))
    except ValueError as error:
        raise InvalidDataFileError(f"The file at {url} is not the one that was expected: {error}") from error
