"""Warnings and errors of the package."""

__all__ = [
    "ConstraintsNotSatisfiedWarning",
    "DatasetNotFoundError",
    "EnvySkippedWarning",
    "GroupCollapseWarning",
    "GroupFallbackWarning",
    "InvalidDataFileError",
    "MissingExtraError",
    "UnstableGroupsWarning",
]


class ConstraintsNotSatisfiedWarning(UserWarning):
    """A fitted model breaks constraints that it was to satisfy."""


class GroupFallbackWarning(UserWarning):
    """Some people are served by another classifier than their group's own."""


class GroupCollapseWarning(UserWarning):
    """The learned groups are fewer than asked for, or one of them holds nearly everybody."""


class UnstableGroupsWarning(UserWarning):
    """Learned groups differ from one equally good restart to the next."""


class EnvySkippedWarning(UserWarning):
    """Envy is not measured because there are too many groups to ask every classifier about every row."""


class DatasetNotFoundError(OSError):
    """A data file is neither on disk nor can it be downloaded."""


class InvalidDataFileError(ValueError):
    """A data file is there, but it is not the file that it should be."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    @classmethod
    def for_extra(cls, what: str, extra: str) -> "MissingExtraError":
        """Make the error that says which extra `what` needs."""
        return cls(f"{what} needs the extra '{extra}': pip install 'fairlearn-fwh[{extra}]'")
