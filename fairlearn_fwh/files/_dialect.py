"""The one dialect in which CSV files are read: RFC 4180, with nothing guessed."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ._bytes import open_bytes


@dataclass(frozen=True)
class Dialect:
    r"""How a CSV file is written.

    RFC 4180 in UTF-8: a header and then one row per line, each with as many fields as the header; lines end in LF or CRLF; a field that
    holds a delimiter, a quote or a line end stands in quotes, with quotes doubled. There are no comments, nothing is trimmed, and quotes
    around a field mean nothing: ``"1"`` is ``1``. An empty field is a missing value. A file that begins like gzip is read as such,
    whatever its name.

    Parameters
    ----------
    delimiter : str
        One character between fields.
    quote : str
        One character around fields.
    null : tuple of str
        Further texts that mean a missing value.

    Raises
    ------
    ValueError
        If the delimiter or the quote is not one ASCII character that can stand for it.

    Examples
    --------
    >>> from fairlearn_fwh.files import Dialect
    >>> Dialect(delimiter=";", null=("NA",))
    Dialect(delimiter=';', quote='"', null=('NA',))
    """

    delimiter: str = ","
    quote: str = '"'
    null: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("delimiter", "quote"):
            character = getattr(self, name)
            fits = isinstance(character, str) and len(character) == 1 and character.isascii()
            if not fits or character.isalnum() or character in "\r\n\0.-+ ":
                raise ValueError(
                    f"{name} must be one ASCII character that is not a letter, digit, blank, point, sign or line end; got {character!r}."
                )
        if self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote must differ; both are {self.quote!r}.")
        if isinstance(self.null, str) or not all(isinstance(text, str) for text in self.null):
            raise ValueError(f"null must be a tuple of texts; got {self.null!r}.")
        object.__setattr__(self, "null", tuple(self.null))

    def records(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        """Read a file record by record: number of the first line of each, and its fields; slow, to find what is wrong where.

        Parameters
        ----------
        path : Path
            The CSV file.

        Yields
        ------
        line : int
            Counted from 1.
        fields : list of str
        """
        with (
            open_bytes(path) as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
        ):
            reader = csv.reader(text, delimiter=self.delimiter, quotechar=self.quote, strict=True)
            line = 1
            for fields in reader:
                yield line, fields
                line = reader.line_num + 1

    def header(self, path: Path) -> list[str]:
        """Read the names of the columns.

        Parameters
        ----------
        path : Path
            The CSV file.

        Returns
        -------
        list of str

        Raises
        ------
        ValueError
            If the first line is blank or cannot be read.
        """
        try:
            _, names = next(self.records(path))
        except StopIteration:
            names = []
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path} cannot be read: it is cut off, or not a gzip file ({error})."
            ) from error
        except csv.Error as error:
            raise ValueError(f"{path}, line 1: the header cannot be read ({error}).") from error
        if not names:
            raise ValueError(f"{path} has no header: its first line is blank.")
        return names
