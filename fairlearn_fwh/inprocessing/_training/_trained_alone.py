"""A module of one member, as the trainer wants it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class TrainedAlone(nn.Module):
    """What the trainer asks of a module that has no other members."""

    def member_state(self, member: int) -> dict[str, np.ndarray]:
        """Copy of parameters and buffers."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    def keep_buffers(self, members: list[int]) -> None:
        """Nothing is remembered of other members."""

    def load_arrays(self, state: dict[str, np.ndarray]) -> None:
        """Take back a copy."""
        self.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()})
