"""The methods of this package for AIF360: in-processing algorithms, `PreferenceMetric`, data sets.

The same methods for `aif360.sklearn` are in `fairlearn_fwh.aif360.sklearn`.
"""

from functools import cache
from typing import Any

from ..exceptions import MissingExtraError

try:
    import aif360  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.aif360", "aif360") from error

from .._methods import ADAPTED
from ._adapter import make_adapter
from ._algorithms import BASES
from ._datasets import as_binary_label_dataset, as_object_strings, from_binary_label_dataset
from ._preference_metric import PreferenceMetric

__all__ = [
    "PreferenceMetric",
    "as_binary_label_dataset",
    "as_object_strings",
    "from_binary_label_dataset",
]
__all__ += sorted(ADAPTED)


@cache
def _adapter(name: str) -> type:
    return make_adapter(name, BASES, __name__)


def __getattr__(name: str) -> Any:
    """Make an algorithm when it is asked for: some need torch."""
    if name not in ADAPTED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _adapter(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
