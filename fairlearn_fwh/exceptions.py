"""Warnings and errors of the package."""

__all__ = [
    "ConstraintsNotSatisfiedWarning",
    "DatasetNotFoundError",
    "EnvySkippedWarning",
    "GroupCollapseWarning",
    "GroupFallbackWarning",
    "InvalidDataFileError",
    "LabelMismatchWarning",
    "MissingExtraError",
    "ProxyGroupsWarning",
    "UnitsWarning",
    "UnreadableValueError",
    "UnstableGroupsWarning",
]


class ConstraintsNotSatisfiedWarning(UserWarning):
    """A fitted model breaks constraints that it was to satisfy.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import ConstraintsNotSatisfiedWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ConstraintsNotSatisfiedWarning)  # do not go on with such a model
    """


class GroupFallbackWarning(UserWarning):
    """Some people are served by another classifier than their group's own.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import GroupFallbackWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", GroupFallbackWarning)  # silence it
    """


class GroupCollapseWarning(UserWarning):
    """The learned groups are fewer than asked for, or one of them holds nearly everybody.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import GroupCollapseWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", GroupCollapseWarning)  # do not go on with such a model
    """


class UnstableGroupsWarning(UserWarning):
    """Learned groups differ from one equally good restart to the next.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import UnstableGroupsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", UnstableGroupsWarning)  # do not go on with such a model
    """


class EnvySkippedWarning(UserWarning):
    """Envy is not measured because there are too many groups to ask every classifier about every row.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import EnvySkippedWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", EnvySkippedWarning)  # silence it
    """


class LabelMismatchWarning(UserWarning):
    """A prediction has labels that the truth never has; they count as wrong.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import LabelMismatchWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", LabelMismatchWarning)  # do not go on with such data
    """


class DatasetNotFoundError(OSError):
    """A data file is neither on disk nor can it be downloaded.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_adult
    >>> from fairlearn_fwh.exceptions import DatasetNotFoundError
    >>> try:
    ...     adult = fetch_adult(download_if_missing=False)
    ... except DatasetNotFoundError:
    ...     adult = None  # go on without it
    """


class InvalidDataFileError(ValueError):
    """A data file is there, but it is not the file that it should be.

    Examples
    --------
    >>> from fairlearn_fwh.datasets import fetch_german_credit
    >>> from fairlearn_fwh.exceptions import InvalidDataFileError
    >>> try:
    ...     bunch = fetch_german_credit()  # doctest: +SKIP
    ... except InvalidDataFileError as error:
    ...     print(error)
    """


class UnreadableValueError(ValueError):
    """A value of a file is not what its column is for.

    Attributes
    ----------
    column : str
        Name of the column.
    problem : str
        "missing", "number" (where there should be one), or the value itself.

    Examples
    --------
    >>> from fairlearn_fwh.exceptions import UnreadableValueError
    >>> UnreadableValueError("sample_weight must be numbers; 1 value(s) are not.", "w", "number").column
    'w'
    """

    def __init__(self, message: str, column: str, problem: str) -> None:
        super().__init__(message)
        self.column, self.problem = column, problem


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra that brings it.

    Examples
    --------
    >>> from fairlearn_fwh.exceptions import MissingExtraError
    >>> print(MissingExtraError.for_extra("Drawing", "plot"))
    Drawing needs the extra 'plot': pip install 'fairlearn-fwh[plot]'
    """

    @classmethod
    def for_extra(cls, what: str, extra: str) -> "MissingExtraError":
        """Make the error that says which extra is needed.

        Parameters
        ----------
        what : str
            What needs it.
        extra : str

        Returns
        -------
        MissingExtraError
        """
        return cls(f"{what} needs the extra '{extra}': pip install 'fairlearn-fwh[{extra}]'")


class UnitsWarning(UserWarning):
    """Rows may belong together in a way that was not, or cannot be, taken into account.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import UnitsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", UnitsWarning)  # do not go on with such a frame
    """


class ProxyGroupsWarning(UserWarning):
    """Groups seem to be guesses, of which nothing is certain.

    Examples
    --------
    >>> import warnings
    >>> from fairlearn_fwh.exceptions import ProxyGroupsWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", ProxyGroupsWarning)  # do not go on with guessed groups
    """
