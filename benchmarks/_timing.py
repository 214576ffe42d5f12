"""Measuring two programs side by side."""

import time
from collections.abc import Callable
from typing import Any

_short: list[str] = []


def seconds(program: Callable[[], Any], repeats: int = 1) -> float:
    """Shortest wall time of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        program()
        times.append(time.perf_counter() - start)
    return min(times)


def show(what: str, ours: float, theirs: float, aim: float | None = None) -> None:
    """Print one line of a comparison: how many times as long theirs takes, and the aim for that."""
    ratio = theirs / ours
    line = f"{what:<70} ours {ours:8.3f} s   theirs {theirs:8.3f} s   ratio {ratio:8.2f}"
    if aim is not None:
        is_short = ratio < aim
        line += f"   aim {aim:g}{'   FALLS SHORT' if is_short else ''}"
        if is_short:
            _short.append(f"{what}: {ratio:.2f} of {aim:g}")
    print(line, flush=True)


def show_short() -> None:
    """Say which lines of this run fall short of their aims."""
    print(
        "\n".join(["Fall short of their aims:", *_short]) if _short else "No line falls short of its aim.",
        flush=True,
    )
