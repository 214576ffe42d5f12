"""On what torch computes."""

from __future__ import annotations

import re

import torch


def check_device(device: str) -> None:
    """Raise ValueError for a device that is unknown or not there."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:<number>'; got {device!r}.")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device={device!r} is not available here; use 'cpu' or 'auto'.")
    number = int(device.partition(":")[2] or 0)
    if device.startswith("cuda") and number >= (there := torch.cuda.device_count()):
        raise ValueError(
            f"device={device!r} is not available here: there are {there}, numbered from 0; use 'cuda' or 'auto'."
        )


def torch_device(device: str) -> str:
    """Name the device; "auto" is a GPU if there is one."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device
