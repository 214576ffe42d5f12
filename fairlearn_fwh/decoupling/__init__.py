"""Models with one part per group, for groups that are known or found without gradients."""

from ._decoupled import DecoupledClassifier, DecoupledRegressor
from ._group_stacking import GroupStackingClassifier
from ._preference_tree import PreferenceTreeClassifier
from ._preferred_treatment import PreferredTreatmentClassifier

__all__ = [
    "DecoupledClassifier",
    "DecoupledRegressor",
    "GroupStackingClassifier",
    "PreferenceTreeClassifier",
    "PreferredTreatmentClassifier",
]
