"""A fit succeeds, or changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from ._sklearn_compat import fit_context as validated


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
    """Validate parameters as scikit-learn does, and leave the estimator as it was if the fit fails."""

    def decorate(fit: Any) -> Any:
        fit = validated(prefer_skip_nested_validation=prefer_skip_nested_validation)(fit)

        @wraps(fit)
        def fit_or_leave(self: Any, *args: Any, **kwargs: Any) -> Any:
            with unchanged_on_error(self):
                return fit(self, *args, **kwargs)

        return fit_or_leave

    return decorate
