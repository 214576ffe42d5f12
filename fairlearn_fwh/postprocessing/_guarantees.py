"""What is promised when a classifier takes the place of the pooled one."""

from __future__ import annotations

from dataclasses import dataclass

CERTIFIED, EMPIRICAL, RELEASE, SHRUNK = GUARANTEES = ("certified", "empirical", "release", "shrunk")


@dataclass(frozen=True)
class Guarantee:
    """When a classifier may take the place of the pooled one.

    Attributes
    ----------
    kind : {"certified", "empirical", "release", "shrunk"}
    tolerance : float
        Largest loss that counts as none.
    alpha : float
    harm_margin : float
        Loss of a group that does not yet block a release.
    harm_alpha : float
        Level at which a harm blocks a release.
    """

    kind: str
    tolerance: float
    alpha: float
    harm_margin: float = 0.0
    harm_alpha: float = 0.2

    @property
    def needs_test(self) -> bool:
        """Whether the score must have a test."""
        return self.kind != EMPIRICAL

    @property
    def is_for_all_groups(self) -> bool:
        """Whether one error probability covers all groups together."""
        return self.kind == CERTIFIED
