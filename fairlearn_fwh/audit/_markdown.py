"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Labels of groups come from data: they must not be taken for Markdown."""
    for character in "\\`*_[]<>|#~$&":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
