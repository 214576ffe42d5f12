"""Torch's global generator, from which modules draw."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: Held by whoever draws from torch's global generator.
_GENERATOR = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator, from which modules draw, and put it back afterwards; one thread at a time.

    The generator belongs to the process, and neither initial weights nor dropout can be drawn from another: fits in several threads wait for
    each other here, so that none draws another's numbers.
    """
    devices = range(torch.cuda.device_count())
    with _GENERATOR, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
