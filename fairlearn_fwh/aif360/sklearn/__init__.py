"""The methods of this package for `aif360.sklearn`, where groups are levels of the pandas index."""

from functools import cache
from typing import Any

from ..._methods import ADAPTED
from .._adapter import make_adapter
from ._algorithms import BASES

__all__ = sorted(ADAPTED)


@cache
def _adapter(name: str) -> type:
    return make_adapter(name, BASES, __name__)


def __getattr__(name: str) -> Any:
    """Make a classifier when it is asked for: some need torch."""
    if name not in ADAPTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _adapter(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
