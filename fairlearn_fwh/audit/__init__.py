"""Audits: what a preference frame says, in words, and as a report that can guard a release."""

from ._audit import Audit
from ._tables import open_table
from ._verdict import SMALLEST_SHOWN, verdict

__all__ = ["SMALLEST_SHOWN", "Audit", "open_table", "verdict"]
