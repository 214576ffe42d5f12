"""Groups that were guessed: a hint where a column is named like one of guesses."""

from __future__ import annotations

import re
import warnings

from ...exceptions import ProxyGroupsWarning
from ._layout import Layout

_NAMES_OF_GUESSES = re.compile(
    r"(.*[ _.-])?(proxy|bisg|bifsg|predicted|inferred|imputed|estimated|guess|guessed)([ _.-].*)?",
    re.IGNORECASE,
)


def hint_at_proxies(layout: Layout, stacklevel: int) -> None:
    """Warn of audit groups that are named like guesses."""
    for name in layout.audit_names:
        if _NAMES_OF_GUESSES.fullmatch(str(name)):
            warnings.warn(
                f"Column {name!r} of sensitive_features is named like a guess of the group. Where people of other groups are mixed in, harm looks "
                "smaller than it is, and certificates of the group can be false, the more so the more people there are. Give the probabilities of groups to "
                "bound_group_gains, which says what is certain whoever belongs to the group.",
                ProxyGroupsWarning,
                stacklevel=stacklevel,
            )
