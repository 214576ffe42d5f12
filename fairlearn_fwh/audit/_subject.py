"""What an audit is about: which two columns of which file, and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Subject:
    """What is compared, in the words of those who will read about it.

    Attributes
    ----------
    own, pooled : str
        Names of the predictions that are audited, and of those that they are compared with: columns of a file, or models.
    y_true : str
        Name of the true labels.
    source : str
        What was audited, such as the name of a file.
    baseline : str
        File of the predictions that they are compared with, if it is another one.
    command : str
        How to repeat the audit on a command line.
    date : str
        Day of the audit.
    policy : dict from str to what JSON can hold
        Settings that a policy gave, with `file`, where they stand.

    Examples
    --------
    >>> from fairlearn_fwh.audit import Audit, Subject
    >>> from fairlearn_fwh.metrics import PreferenceFrame
    >>> frame = PreferenceFrame(y_true=[1] * 200, y_pred=[0, 1] * 100, y_pred_pooled=[1] * 200,
    ...                         sensitive_features=["a"] * 100 + ["b"] * 100)
    >>> Audit(frame, subject=Subject(own="new", pooled="old")).headline
    'Harm found: new is worse than old for 2 of 2 groups, most for a, with 95 % confidence.'
    """

    own: str = "the audited classifier"
    pooled: str = "the pooled classifier"
    y_true: str = "y_true"
    source: str = ""
    baseline: str = ""
    command: str = ""
    date: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_names(self) -> bool:
        """Whether both predictions have names of their own."""
        return self.own != Subject.own and self.pooled != Subject.pooled
