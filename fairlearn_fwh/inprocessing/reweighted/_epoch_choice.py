"""How the best epoch is chosen without groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._training._history import Key
from ._weighting import Weighting


class LeastRisk:
    """The epoch with the least risk of validation people.

    Parameters
    ----------
    weighting : Weighting
        Says what the risk is.
    """

    def __init__(self, weighting: Weighting) -> None:
        self.weighting = weighting

    def judge(self, losses: Tensor, shares: Tensor, weights: Tensor) -> tuple[Key, float]:
        """Key of a state, larger if better, and its risk; arrays have shape (n,)."""
        risk = float(self.weighting.risk(losses, shares))
        return (-risk,), risk

    def get_state(self) -> dict[str, Any]:
        """Nothing is remembered of earlier epochs."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Nothing is remembered of earlier epochs."""


class LeastWorstWeighting:
    """The epoch whose worst mean of validation losses over all weightings so far is least (min max), one after the other.

    A new state takes the place of the best so far if it stands better against all weightings until then, which the best so far meets,
    too: an early state has no advantage by an adversary who had not learned yet. A state that was passed over is forgotten.
    """

    def __init__(self) -> None:
        self._weightings: list[Tensor] = []
        self._best: Tensor | None = None
        self._improvements = 0

    def judge(self, losses: Tensor, shares: Tensor, weights: Tensor) -> tuple[Key, float]:
        """Key of a state, larger if better, and its worst mean loss so far; arrays have shape (n,)."""
        self._weightings.append(shares * weights / (shares @ weights))
        risk = self._worst(losses)
        if np.isnan(risk) or (
            self._best is not None and not risk < self._worst(self._best.to(losses.device))
        ):
            return (-np.inf,), risk
        self._best = losses
        self._improvements += 1
        return (float(self._improvements),), risk

    def get_state(self) -> dict[str, Any]:
        """Weightings so far, losses of the best epoch, and how often it was another."""
        weightings = [weighting.cpu() for weighting in self._weightings]
        best = None if self._best is None else self._best.cpu()
        return {"weightings": weightings, "best": best, "improvements": self._improvements}

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember them again."""
        self._weightings, self._best = state["weightings"], state["best"]
        self._improvements = state["improvements"]

    def _worst(self, losses: Tensor) -> float:
        stacked = torch.stack([weighting.to(losses.device) for weighting in self._weightings])
        return float((stacked @ losses).max())
