"""A fit succeeds, or changes nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from .._sklearn_compat import fit_context as validated
from ..metrics._core._alignment import check_alignment

#: Arguments of a fit that have one row per person.
_ROWS = ("X", "y", "sensitive_features", "sample_weight", "units")


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Put an estimator's attributes back if something fails, so that nothing is half-fitted."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Any], Any]:
    """Validate parameters as scikit-learn does, pair rows, and leave the estimator as it was if the fit fails."""

    def decorate(fit: Any) -> Any:
        fit = validated(prefer_skip_nested_validation=prefer_skip_nested_validation)(fit)

        names = list(inspect.signature(fit).parameters)[1:]

        @wraps(fit)
        def fit_or_leave(self: Any, *args: Any, **kwargs: Any) -> Any:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            check_alignment({name: given[name] for name in _ROWS if name in given})
            with unchanged_on_error(self):
                return fit(self, *args, **kwargs)

        return fit_or_leave

    return decorate
