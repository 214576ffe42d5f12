"""One shared model whose loss in every group stays within the group's own bound."""

from ._no_harm_reduction import NoHarmReduction

__all__ = ["NoHarmReduction"]
