"""Labels that are one in two spellings, as far as anybody can tell."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from ...exceptions import LabelMismatchWarning
from ._names import group_name

#: A whole number: its sign and digits, without zeros before them and without the zeros of a float after them.
_PADDED = re.compile(r"\+?(-?)0*([0-9]+)(?:\.0*)?")

#: A whole number as programs write it where a column has become one of floats.
_WHOLE_FLOAT = re.compile(r"-?[0-9]+\.0+")

#: A number that may be whole though it is not written so.
_FLOAT = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]{1,3})?", re.IGNORECASE)


def plain(label: str) -> str:
    """A label without what a reader does not see or overlooks: blanks, marks without width, full stops, capitals, forms of accents."""
    visible = "".join(
        character for character in unicodedata.normalize("NFKC", visible_of(label)) if not character.isspace()
    )
    return visible.strip(".").casefold()


def visible_of(text: str) -> str:
    """A text without marks that have no width and blanks around it, its accents in one form."""
    if text.isascii():
        return text.strip()
    normal = unicodedata.normalize("NFC", text)
    return "".join(character for character in normal if unicodedata.category(character) != "Cf").strip()


def in_digits(text: str) -> str:
    """Write a whole number as such (17.0, 17. and 1.7e1 as 17); other texts, and numbers with zeros before them, stay."""
    if text.isascii() and text.isdigit() or not _FLOAT.fullmatch(text):
        return text
    number = Decimal(text)
    is_padded = text.lstrip("+-").startswith("0") and not text.lstrip("+-").startswith(("0.", "0e", "0E"))
    return (
        text if is_padded or number != number.to_integral_value() else format(number.to_integral_value(), "f")
    )


def check_spellings(groups: Iterable[Any], others: Iterable[Any], name: str, other_name: str) -> None:
    """Look whether two samples spell a group in two ways.

    Raises
    ------
    ValueError
        If a group of one of them differs from one of the other, which the first lacks, in blanks, full stops or capitals alone, or in how a whole number is
        written (1, 1.0, 01).
    """
    mine, theirs = dict.fromkeys(groups), dict.fromkeys(others)
    seen = {_plain_group(label): label for label in theirs if label not in mine}
    for label in mine:
        if label not in theirs and (other := seen.get(_plain_group(label))) is not None:
            raise ValueError(
                f"{name} has the group {group_name(label)} and {other_name} the group {group_name(other)}, which are counted as different. Give both one "
                "spelling."
            )


def _plain_group(label: Any) -> tuple[str, ...]:
    parts = (plain(str(part)) for part in (label if isinstance(label, tuple) else (label,)))
    return tuple("".join(whole.groups()) if (whole := _PADDED.fullmatch(part)) else part for part in parts)


def check_units(labels: Sequence[Any], name: str) -> None:
    """Look whether units of one sample are one unit in two spellings.

    Raises
    ------
    ValueError
        If two texts differ in blanks around them and marks without width alone, or are one whole number, such as 17 and 17.0.
    """
    if pair := _alike(labels, lambda text: in_digits(visible_of(text))):
        raise ValueError(
            f"{name} has both {pair[0]!a} and {pair[1]!a}, which look like one unit in two spellings and would be counted as two. Give both one spelling."
        )


def warn_of_floats(labels: Sequence[Any], name: str) -> None:
    """Warn of groups that are whole numbers with and without a point: where a value is missing, programs make floats of whole numbers."""
    if pair := _alike(labels, lambda text: text.partition(".")[0] if _WHOLE_FLOAT.fullmatch(text) else text):
        warnings.warn(
            f"{name} has both {pair[0]!a} and {pair[1]!a}, which are counted as two groups, as spelled. If they are one, give both one spelling.",
            LabelMismatchWarning,
            stacklevel=6,
        )


def _alike(labels: Sequence[Any], written: Callable[[str], str]) -> tuple[str, str] | None:
    """Two texts that are written alike after all."""
    texts = {label: written(label) for label in labels if isinstance(label, str)}
    odd = {label: text for label, text in texts.items() if label != text}
    seen = {label: label for label in texts if odd and label not in odd}
    for label, text in odd.items():
        if (other := seen.setdefault(text, label)) != label:
            return other, label
    return None
