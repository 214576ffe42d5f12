"""Columns that are named as if they said whose rows belong together."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import narwhals as nw

from ...exceptions import UnitsWarning

#: Names of columns that tell one person, or another unit, from another.
_NAMES_OF_UNITS = re.compile(
    r"(.*[ _.-])?(id|uuid|patient|person|subject|user|customer|client|applicant|household|lesion)s?([ _.-]?(id|no|nr|number|key))?",
    re.IGNORECASE,
)


def is_named_like_units(name: str) -> bool:
    """Whether a column is named like one of units."""
    return _NAMES_OF_UNITS.fullmatch(name) is not None


def likely_units(names: Iterable[str], roles: Collection[str]) -> list[str]:
    """Return the columns that are named like units and have no role."""
    return [name for name in names if name not in roles and is_named_like_units(name)]


def hint_at_people(frame: Any, roles: Iterable[str | Sequence[str] | None], stacklevel: int) -> None:
    """Warn of a column that is named like units, where people of several frames are added up and nobody asks whether they come again.

    Parameters
    ----------
    frame : any frame that narwhals knows
    roles : iterable of str, of sequences of str, or of None
        Columns that have a role.
    stacklevel : int
        Of the warning.
    """
    taken = {name for role in roles if role for name in ([role] if isinstance(role, str) else role)}
    names = [name for name in nw.from_native(frame).collect_schema().names() if isinstance(name, str)]
    for name in likely_units(names, taken)[:1]:
        warnings.warn(people_may_come_again(name), UnitsWarning, stacklevel=stacklevel)


def people_may_come_again(name: str) -> str:
    """Say what a column that is named like units is good for."""
    return (
        f"Column {name!r} seems to say who people are. Name it in units: otherwise people who come again, as in exports of all people so far, count "
        "several times."
    )
