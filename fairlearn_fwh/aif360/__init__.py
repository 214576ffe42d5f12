"""The methods of this package for AIF360: in-processing algorithms, `PreferenceMetric`, data sets.

The same methods for `aif360.sklearn` are in `fairlearn_fwh.aif360.sklearn`.
"""

from typing import TYPE_CHECKING, Any

from ..exceptions import MissingExtraError

try:
    import aif360  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.aif360", "aif360") from error

from ._algorithms import Decoupled, NoHarm, NoHarmReduction, PreferenceTree, PreferredTreatment
from ._datasets import as_binary_label_dataset, as_object_strings, from_binary_label_dataset
from ._preference_metric import PreferenceMetric

if TYPE_CHECKING:
    from ._trained import (
        DAFH,
        DRO,
        AdversarialReweighting,
        GradientGraph,
        MultiTaskTransfer,
        SelectiveExperts,
    )

__all__ = [
    "AdversarialReweighting",
    "DAFH",
    "DRO",
    "Decoupled",
    "GradientGraph",
    "MultiTaskTransfer",
    "NoHarm",
    "NoHarmReduction",
    "PreferenceMetric",
    "PreferenceTree",
    "PreferredTreatment",
    "SelectiveExperts",
    "as_binary_label_dataset",
    "as_object_strings",
    "from_binary_label_dataset",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _trained

    return getattr(_trained, name)
