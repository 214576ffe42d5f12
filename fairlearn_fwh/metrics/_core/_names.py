"""Names of groups as text that changes nothing of the place where it is shown."""

from __future__ import annotations

from typing import Any

#: Groups with fewer people are not named: their counts could identify somebody.
SMALLEST_SHOWN = 10


def printable(text: str) -> str:
    """Write characters that are not shown, such as line ends and escapes, as Python does."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def full_name(label: Any) -> str:
    """Write a group's label as text."""
    return " x ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def group_name(label: Any) -> str:
    """Write a group's label in one line that can be shown anywhere."""
    return printable(full_name(label))
