"""How precisely a GPU multiplies, for as long as a fit takes; other work in the process is left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

PRECISIONS = ("auto", "float32", "bfloat16")


@contextlib.contextmanager
def multiplying(precision: str, device: str) -> Iterator[None]:
    """Multiply on a GPU with 10 bits of mantissa (TF32) unless all 23 are asked for, and choose algorithms that give the same result every time.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
    device : str
    """
    if not device.startswith("cuda"):
        yield
        return
    short = precision != "float32"
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = short
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=short):
            yield
    finally:
        matmul.allow_tf32 = before


def has_convolutions(module: nn.Module) -> bool:
    """Whether a module convolves images, which GPUs do faster with the channels of a pixel side by side."""
    return any(isinstance(part, nn.Conv2d) for part in module.modules())
