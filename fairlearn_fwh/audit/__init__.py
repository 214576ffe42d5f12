"""Audits: what a preference frame says, in words, and as a report that can guard a release."""

from ..files import open_table
from ..metrics._verdict import SMALLEST_SHOWN, verdict
from ._audit import Audit

__all__ = ["SMALLEST_SHOWN", "Audit", "open_table", "verdict"]
