"""Every method of the package as an algorithm of AIF360, made from the list of methods."""

from __future__ import annotations

from .._methods import Kind
from ._in_processing import InProcessing, RoutedByGroups, RoutedInProcessing, ToldGroups
from ._with_tasks import WithTasks

#: What an algorithm is called with depends on who knows the groups.
BASES: dict[Kind, type[InProcessing]] = {
    Kind.GROUPS: RoutedByGroups,
    Kind.LEARNED: RoutedInProcessing,
    Kind.TOLD: ToldGroups,
    Kind.BLIND: InProcessing,
    Kind.TASKS: WithTasks,
}
