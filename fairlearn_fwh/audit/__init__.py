"""Audits: what a preference frame says, in words, and as a report that can guard a release."""

from ..files import open_table
from ..metrics._core._names import SMALLEST_SHOWN
from ._audit import Audit
from ._verdict import verdict

__all__ = ["SMALLEST_SHOWN", "Audit", "open_table", "verdict"]
