"""Choosing between fitted classifiers so that no group is harmed."""

from ._no_harm_selector import NoHarmSelector

__all__ = ["NoHarmSelector"]
