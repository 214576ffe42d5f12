"""The JSON of an audit: its schema, which is a file of the package."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

#: Raised when a reader of the JSON would have to change.
SCHEMA_VERSION = 1


def audit_schema() -> dict[str, Any]:
    """Return the JSON schema of `Audit.to_json` and ``fairlearn-fwh audit --json``.

    Returns
    -------
    dict
        Of draft 2020-12, for any validator.

    Examples
    --------
    >>> from fairlearn_fwh.audit import audit_schema
    >>> audit_schema()["properties"]["state"]["enum"]
    ['harm', 'certified', 'undecided', 'unusable']
    """
    text = (importlib.resources.files("fairlearn_fwh.audit") / "audit.schema.json").read_text(
        encoding="utf-8"
    )
    schema: dict[str, Any] = json.loads(text)
    return schema
