"""The methods of this package for `aif360.sklearn`, where groups are levels of the pandas index."""

from typing import TYPE_CHECKING, Any

from ._algorithms import Decoupled, NoHarm, NoHarmReduction, PreferenceTree, PreferredTreatment

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
    "PreferenceTree",
    "PreferredTreatment",
    "SelectiveExperts",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _trained

    return getattr(_trained, name)
