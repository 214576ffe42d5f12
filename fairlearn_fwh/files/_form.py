"""Whether a file keeps to the dialect, looked at before any engine reads it: engines differ in what they forgive.

All rows are looked at in blocks of bytes. What is left of a block without its values, delimiters and line ends, must be the same for every row.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from ._bytes import open_bytes
from ._dialect import Dialect

_BLOCK = 1 << 22

_NEWLINE, _RETURN = 10, 13


def check_form(path: Path, dialect: Dialect, n_columns: int) -> int:
    """Raise ValueError, with the line, if a CSV file breaks a rule of the dialect.

    Parameters
    ----------
    path : Path
    dialect : Dialect
    n_columns : int
        Number of fields of the header.

    Returns
    -------
    int
        Number of rows below the header.

    Raises
    ------
    ValueError
    """
    try:
        with open_bytes(path) as file:
            return _Form(path, dialect, n_columns).check(file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: it is cut off, or not a gzip file ({error}).") from error


@dataclass
class _Form:
    path: Path
    dialect: Dialect
    n_columns: int
    #: Delimiters of a row that has begun.
    row: bytes = b""
    #: Rows that were read to their end, and line ends, of which some may stand in quotes.
    n_rows: int = 0
    n_lines: int = 0
    #: Whether a quote is open.
    inside: bool = False
    last: int = _NEWLINE
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def check(self, file: IO[bytes]) -> int:
        """Read the file; return how many rows there are below the header."""
        is_first = True
        while block := self._read(file):
            if is_first and block.startswith(codecs.BOM_UTF8):
                block = block[len(codecs.BOM_UTF8) :]
            is_first = False
            self._check_text(block)
            if self.inside or self.dialect.quote.encode() in block:
                self._check_with_quotes(block)
            else:
                self._check_without_quotes(block)
            self.last = block[-1] if block else self.last
        try:
            self.decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self._fail(self.n_lines, "the file ends within a character of UTF-8; it is cut")
        if self.inside:
            self._fail(self.n_lines, "a quote is opened and never closed")
        is_open = self.last != _NEWLINE
        if is_open and len(self.row) != self.n_columns - 1:
            self._fail(self.n_lines, self._about_fields(len(self.row) + 1))
        return self.n_rows + is_open - 1

    def _read(self, file: IO[bytes]) -> bytes:
        """Read a block that ends where the next character does not matter."""
        block = file.read(_BLOCK)
        while block and (block[-1] == _RETURN or block[-1:] == self.dialect.quote.encode()):
            if not (more := file.read(1)):
                break
            block += more
        return block

    def _check_text(self, block: bytes) -> None:
        if b"\0" in block:
            self._fail_at(block, block.index(b"\0"), "there is a NUL character")
        if block.isascii() and self.decoder.getstate()[0] == b"":
            return
        try:
            self.decoder.decode(block)
        except UnicodeDecodeError as error:
            self._fail_at(block, max(error.start, 0), "this is not UTF-8; write the file in UTF-8")

    def _check_without_quotes(self, block: bytes) -> None:
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            values = np.frombuffer(block, np.uint8)
            self._check_returns(block, values, values != -1)
        others = bytes(set(range(256)) - {_NEWLINE, ord(self.dialect.delimiter)})
        before = self.n_rows
        self._check_rows(block, block.translate(None, others))
        self.n_lines += self.n_rows - before

    def _check_with_quotes(self, block: bytes) -> None:
        values = np.frombuffer(block, np.uint8)
        is_quote = values == ord(self.dialect.quote)
        inside = (np.cumsum(is_quote) + self.inside) % 2 == 1
        self._check_quotes(block, values, is_quote, inside)
        outside = ~inside & ~is_quote
        self._check_returns(block, values, outside)
        is_separator = ((values == _NEWLINE) | (values == ord(self.dialect.delimiter))) & outside
        self._check_rows(block, values[is_separator].tobytes())
        self.inside = bool(inside[-1])
        self.n_lines += block.count(b"\n")

    def _check_quotes(
        self, block: bytes, values: np.ndarray, is_quote: np.ndarray, inside: np.ndarray
    ) -> None:
        """Quotes open at the beginning of a field and close at its end; in between they are doubled."""
        delimiter, quote = ord(self.dialect.delimiter), ord(self.dialect.quote)
        before = np.concatenate([[self.last], values[:-1]])
        after = np.concatenate([values[1:], [_NEWLINE]])
        opens = is_quote & inside & ~np.isin(before, (delimiter, _NEWLINE, quote))
        closes = is_quote & ~inside & ~np.isin(after, (delimiter, _NEWLINE, _RETURN, quote))
        if (wrong := opens | closes).any():
            self._fail_at(
                block,
                int(np.argmax(wrong)),
                f"a quote ({self.dialect.quote}) stands within a field; put the whole field in quotes and double those inside",
            )

    def _check_returns(self, block: bytes, values: np.ndarray, outside: np.ndarray) -> None:
        after = np.concatenate([values[1:], [0]])
        wrong = (values == _RETURN) & outside & (after != _NEWLINE)
        if wrong.any():
            self._fail_at(
                block,
                int(np.argmax(wrong)),
                "a carriage return is not a line end by itself; end lines in LF or CRLF",
            )

    def _check_rows(self, block: bytes, separators: bytes) -> None:
        """Compare the separators of a block with those of whole rows."""
        pattern = self.dialect.delimiter.encode() * (self.n_columns - 1) + b"\n"
        found = self.row + separators
        n_rows = len(found) // self.n_columns
        whole, rest = found[: n_rows * self.n_columns], found[n_rows * self.n_columns :]
        if whole == pattern * n_rows and b"\n" not in rest:
            self.row = rest
            self.n_rows += n_rows
            return
        for number, row in enumerate(found.split(b"\n")):
            if len(row) != self.n_columns - 1:
                self._fail(self._line_of_row(block, number), self._about_fields(len(row) + 1))

    def _line_of_row(self, block: bytes, number: int) -> int:
        """Line ends before a row, counted from the one that had begun when the block begins; those in quotes count too."""
        values = np.frombuffer(block, np.uint8)
        is_quote = values == ord(self.dialect.quote)
        inside = (np.cumsum(is_quote) + self.inside) % 2 == 1
        ends = np.flatnonzero((values == _NEWLINE) & ~inside)
        before = block[: ends[number - 1] + 1] if number else b""
        return self.n_lines + before.count(b"\n")

    def _about_fields(self, n: int) -> str:
        if n == 1 and self.n_columns > 1:
            return f"this line is blank or has one field; the header has {self.n_columns}"
        return f"this row has {n} fields; the header has {self.n_columns}"

    def _fail_at(self, block: bytes, position: int, what: str) -> None:
        self._fail(self.n_lines + block[:position].count(b"\n"), what)

    def _fail(self, n_lines_before: int, what: str) -> None:
        raise ValueError(f"{self.path}, line {n_lines_before + 1}: {what}.")
