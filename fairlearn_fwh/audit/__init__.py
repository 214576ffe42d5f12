"""Audits: what a preference frame says, in words, and as a report that can guard a release."""

from ..files import open_table
from ..metrics._core._names import SMALLEST_SHOWN
from ._audit import Audit
from ._policy import Policy, find_policy, read_policy
from ._schema import audit_schema
from ._subject import Subject
from ._tracking import log_audit
from ._verdict import verdict

__all__ = [
    "SMALLEST_SHOWN",
    "Audit",
    "Policy",
    "Subject",
    "audit_schema",
    "find_policy",
    "log_audit",
    "open_table",
    "read_policy",
    "verdict",
]
