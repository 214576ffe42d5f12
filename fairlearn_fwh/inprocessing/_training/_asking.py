"""Asking trained networks while a fit still goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ._networks import ModuleNetwork, RectifiedNetwork, computing_on
from ._precision import multiplying


@contextlib.contextmanager
def asking(networks: Sequence[ModuleNetwork | RectifiedNetwork], device: str) -> Iterator[None]:
    """Ask networks on a device, as precisely as they will be asked afterwards.

    Parameters
    ----------
    networks : sequence of network
    device : str
    """
    with multiplying("float32", device), computing_on(device, networks):
        yield
