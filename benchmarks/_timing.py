"""Measuring two programs side by side."""

import time
from collections.abc import Callable
from typing import Any


def seconds(program: Callable[[], Any], repeats: int = 1) -> float:
    """Shortest wall time of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        program()
        times.append(time.perf_counter() - start)
    return min(times)


def show(what: str, ours: float, theirs: float, aim: str) -> None:
    """Print one line of a comparison."""
    print(
        f"{what:<66} ours {ours:8.3f} s   theirs {theirs:8.3f} s   ratio {theirs / ours:7.1f}   aim {aim}",
        flush=True,
    )
