"""Every method of the package for `aif360.sklearn`, made from the list of methods."""

from __future__ import annotations

from ..._methods import Kind
from ._classifier import IndexedClassifier, Routed, RoutedByIndex, ToldByIndex
from ._with_tasks import WithTasks

#: What a classifier is called with depends on who knows the groups.
BASES: dict[Kind, type[IndexedClassifier]] = {
    Kind.GROUPS: RoutedByIndex,
    Kind.LEARNED: Routed,
    Kind.TOLD: ToldByIndex,
    Kind.BLIND: IndexedClassifier,
    Kind.TASKS: WithTasks,
}
