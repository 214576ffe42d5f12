"""Settings of a policy as arguments of functions."""

from __future__ import annotations

from typing import Any

from ..files import Dialect
from ._policy import Policy

#: Keys of a policy, and the arguments of `Audit` and of `measure_file` that they are.
_OF_AUDIT = {
    "tolerance": "tolerance",
    "alpha": "alpha",
    "harm-margin": "harm_margin",
    "min-group-size": "min_group_size",
}
_OF_FILE = {
    "y-true": "y_true", "y-pred": "y_pred", "pooled": "y_pred_pooled", "groups": "groups", "sensitive": "sensitive_features", "unit": "units",
    "weight": "sample_weight", "labels": "labels", "engine": "engine", "loss-limit": "loss_limit", "on": "on",
}  # fmt: skip

#: Keys that are written otherwise on a command line than in Python.
_OF_COMMAND = ("loss", "pos-label", "cost", "by-group", "margins")


def audit_settings(policy: Policy) -> dict[str, Any]:
    """Arguments of `Audit`."""
    return {name: policy.settings[key] for key, name in _OF_AUDIT.items() if key in policy.settings}


def file_settings(policy: Policy) -> dict[str, Any]:
    """Arguments of `measure_file`.

    Raises
    ------
    ValueError
        If the policy has settings that the command alone understands.
    """
    if special := [key for key in _OF_COMMAND if key in policy.settings]:
        raise ValueError(
            f"{policy.file} has {special[0]}, which is for the command fairlearn-fwh audit; measure a frame, and give that instead of a file."
        )
    settings = {name: policy.settings[key] for key, name in _OF_FILE.items() if key in policy.settings}
    written = {name: policy.settings[name] for name in ("delimiter", "quote") if name in policy.settings}
    if "null" in policy.settings:
        null = policy.settings["null"]
        written["null"] = (null,) if isinstance(null, str) else tuple(null)
    return settings | ({"dialect": Dialect(**written)} if written else {})
