"""Audits: what a preference frame says, in words, and as a report that can guard a release."""

from ..metrics._verdict import SMALLEST_SHOWN, verdict
from ._audit import Audit
from ._tables import open_table

__all__ = ["SMALLEST_SHOWN", "Audit", "open_table", "verdict"]
