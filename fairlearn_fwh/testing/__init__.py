"""A release gate inside a test suite: the test fails if a group is worse off."""

from ._assertions import assert_no_harm

__all__ = ["assert_no_harm"]
