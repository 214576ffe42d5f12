"""Keyed hashes of units: whether a unit comes again can be told without keeping its name."""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from ._groups import as_tuple
from ._spellings import in_digits, visible_of

#: Shortest key in bytes; of a shorter one all could be tried.
SHORTEST_KEY = 16

_SIZE = 8
_SEPARATOR = "\x1f"


def read_key(key: Any) -> bytes:
    """Read a key: text or bytes.

    Raises
    ------
    ValueError
        If it is neither, or too short to keep a secret.
    """
    secret = key.encode() if isinstance(key, str) else key
    if not isinstance(secret, bytes) or len(secret) < SHORTEST_KEY:
        raise ValueError(
            f"unit_key must be text or bytes of at least {SHORTEST_KEY} bytes that you keep secret, such as secrets.token_hex(); "
            "hashes of units with a known key are as good as their names."
        )
    # blake2b takes keys of up to 64 bytes.
    return hashlib.blake2b(secret, digest_size=64).digest()


@dataclass(frozen=True)
class UnitHashes:
    """Hashes of the units of a sample.

    Attributes
    ----------
    check : str
        A hash that tells one key from another.
    values : ndarray of uint64
        Sorted, each once.
    """

    check: str
    values: np.ndarray

    @classmethod
    def of(cls, labels: Iterable[Any], key: bytes) -> UnitHashes:
        """Hash labels of units; numbers and text that are written alike are one unit."""
        return cls(_check_of(key), np.unique(hash_units(labels, key)))

    def check_key(self, key: bytes) -> None:
        """Raise ValueError if the hashes were made with another key, with which no unit would ever be found again."""
        if _check_of(key) != self.check:
            raise ValueError(
                "unit_key is another key than that of the people seen before, so none of them would be recognised. Give the same key, or start again."
            )

    def among(self, labels: Sequence[Any], key: bytes) -> np.ndarray:
        """Say of each label whether its unit is among these."""
        self.check_key(key)
        return np.isin(hash_units(labels, key), self.values, assume_unique=False)

    def shared_with(self, other: UnitHashes) -> int:
        """Number of units that are in both samples.

        Raises
        ------
        ValueError
            If the hashes were made with different keys.
        """
        if self.check != other.check:
            raise ValueError(
                "Units were hashed with different keys and cannot be compared. Make both frames with the same unit_key."
            )
        return len(np.intersect1d(self.values, other.values, assume_unique=True))

    def __add__(self, other: UnitHashes) -> UnitHashes:
        """Hashes of both samples."""
        return UnitHashes(self.check, np.union1d(self.values, other.values))


def hash_units(labels: Iterable[Any], key: bytes) -> np.ndarray:
    """Hash each label."""
    digests = b"".join(
        hashlib.blake2b(_written(label).encode(), key=key, digest_size=_SIZE).digest() for label in labels
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def _written(label: Any) -> str:
    return _SEPARATOR.join(_part_written(part) for part in as_tuple(label))


def _part_written(part: Any) -> str:
    """Write whole numbers alike, also in texts, and midnights as dates: frames and files change types when they are joined."""
    value = part.item() if isinstance(part, np.generic) else part
    if isinstance(value, str):
        return in_digits(visible_of(value))
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None:
        return value.date().isoformat()
    return str(value)


def _check_of(key: bytes) -> str:
    return hashlib.blake2b(b"fairlearn_fwh units", key=key, digest_size=16).hexdigest()
