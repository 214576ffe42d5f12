"""Fingerprints of trainings: what was begun with some people and settings goes on with no others."""

from __future__ import annotations

from typing import Any

import joblib

from ._samples import Sample


def fingerprint(X: Any, sample: Sample, *settings: Any) -> str:
    """Hash people, and all that decides what becomes of them.

    Parameters
    ----------
    X : array, CSR matrix or description
        Their features, or what is known of them.
    sample : Sample
        Their labels and weights.
    *settings
        Anything that joblib can hash; functions by `code_of`.

    Returns
    -------
    str
    """
    return joblib.hash((X, sample.y, sample.weights, *settings))


def code_of(function: Any) -> Any:
    """What is known of a function in every process: its name, its code, and the values that it has from elsewhere."""
    code = getattr(function, "__code__", None)
    if code is None:
        return f"{type(function).__module__}.{type(function).__qualname__}"
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    constants = [value for value in code.co_consts if isinstance(value, str | int | float | bool | None)]
    return (
        function.__qualname__,
        code.co_code,
        code.co_names,
        constants,
        [code_of(c) if callable(c) else repr(c) for c in cells],
    )
