"""Sums over the processes that train one model together (torch.distributed)."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def count() -> int:
    """Number of processes."""
    return distributed.get_world_size() if _together() else 1


def rank() -> int:
    """Number of this process."""
    return distributed.get_rank() if _together() else 0


def total(values: Tensor) -> Tensor:
    """Sum over processes; its gradient is the sum of all processes' gradients."""
    return _Total.apply(values) if _together() else values


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(context: object, values: Tensor) -> Tensor:
        result = values.clone()
        distributed.all_reduce(result)
        return result

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        result = gradient.clone()
        distributed.all_reduce(result)
        return result
