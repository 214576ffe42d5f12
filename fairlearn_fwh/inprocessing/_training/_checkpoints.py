"""Checkpoints: the state of training on disk, from which a stopped fit goes on."""

from __future__ import annotations

import os
import pickle
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import joblib
import numpy as np
import torch

from ._history import History

if TYPE_CHECKING:
    from skorch import NeuralNet


class Remembers(Protocol):
    """What has a memory that changes in training, as torch's generators have; it must be of numbers, tensors, and lists and dicts of them."""

    def get_state(self) -> Any:
        """Give the memory."""

    def set_state(self, state: Any) -> Any:
        """Take it back."""


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of a training is kept after every epoch: parameters and figures, no features and no labels.

    Attributes
    ----------
    path : Path
    fingerprint : str
        Of data and settings: only the same training goes on.
    remembering : tuple of Remembers
        What training draws from besides torch's global generator, and whatever else remembers more than parameters and buffers.
    """

    path: Path
    fingerprint: str
    remembering: tuple[Remembers, ...]

    def check(self, max_epochs: int) -> None:
        """Raise ValueError if the file is there and is not of this training, or of a longer one."""
        state = self._load()
        if state is not None and len(state["figures"]) > max_epochs:
            raise ValueError(
                f"{self._where()} holds {len(state['figures'])} epochs, more than max_epochs={max_epochs}; name another folder, or "
                "raise it."
            )

    def _where(self) -> str:
        return f"checkpoint_dir={str(self.path.parent)!r} ({self.path.name})"

    def save(self, net: NeuralNet, history: History) -> None:
        """Keep the state; a file is complete or is not there."""
        state = {
            "fingerprint": self.fingerprint,
            "module": net.module_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "remembered": [part.get_state() for part in self.remembering],
            "global": torch.get_rng_state(),
            "costs": [costs.tolist() for costs in history.costs],
            "figures": history.figures,
            "best": {
                member: (key, epoch, {name: torch.as_tensor(value) for name, value in arrays.items()})
                for member, (key, epoch, arrays) in history.best.items()
            },
            "exhausted": history.exhausted,
        }
        if torch.cuda.is_available():
            state["cuda"] = torch.cuda.get_rng_state_all()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".unfinished")
        torch.save(state, unfinished)
        os.replace(unfinished, self.path)

    def restore(self, net: NeuralNet, history: History) -> None:
        """Put everything back as it was after the last epoch that was kept, if any was."""
        state = self._load()
        if state is None:
            return
        net.module_.load_state_dict(state["module"])
        net.optimizer_.load_state_dict(state["optimizer"])
        for part, kept in zip(self.remembering, state["remembered"], strict=True):
            part.set_state(kept)
        torch.set_rng_state(state["global"])
        if torch.cuda.is_available() and "cuda" in state:
            torch.cuda.set_rng_state_all(state["cuda"])
        history.costs = [np.array(costs) for costs in state["costs"]]
        history.figures = state["figures"]
        history.best = {
            member: (tuple(key), epoch, {name: value.numpy() for name, value in tensors.items()})
            for member, (key, epoch, tensors) in state["best"].items()
        }
        history.exhausted = state["exhausted"]

    def _load(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            state = None
        if not isinstance(state, dict) or "fingerprint" not in state:
            raise ValueError(
                f"{self._where()} is not a checkpoint that can be read; name another folder, or delete it."
            )
        if state["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"{self._where()} holds the training of other data or settings; name another folder, or delete it."
            )
        return state


def make_checkpoint(
    parameters: Mapping[str, Any],
    left_out: Collection[str],
    network: torch.nn.Module,
    known: Any,
    remembering: tuple[Remembers, ...],
) -> Checkpoint | None:
    """Say where the state of the one training of a fit is kept, if it is.

    Parameters
    ----------
    parameters : dict from str to object
        Of the estimator.
    left_out : collection of str
        Parameters that change nothing of what is learned.
    network : torch module
        As it is before training; its architecture and weights are part of what the training is known by.
    known : object
        What else it is known by, the people; anything that joblib can hash.
    remembering : tuple of Remembers

    Returns
    -------
    Checkpoint or None

    Raises
    ------
    ValueError
        If the file that is there is of another training, of a longer one, or none.
    """
    folder = parameters["checkpoint_dir"]
    if folder is None:
        return None
    settings = {name: value for name, value in parameters.items() if name not in left_out}
    settings["random_state"] = int(settings["random_state"])
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    known_by = joblib.hash((settings, repr(network), weights, known))
    checkpoint = Checkpoint(Path(folder) / "network.pt", known_by, remembering)
    checkpoint.check(parameters["max_epochs"])
    return checkpoint


def check_checkpoint_dir(checkpoint_dir: Any, random_state: Any) -> None:
    """Make the folder for checkpoints, if there is to be one.

    Raises
    ------
    ValueError
        If it cannot be made, or a training could not go on as it began.
    """
    if checkpoint_dir is None:
        return
    if not isinstance(random_state, Integral):
        raise ValueError(
            f"checkpoint_dir needs an integer random_state, so that a fit can go on as it began; got {random_state!r}."
        )
    try:
        Path(checkpoint_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"checkpoint_dir must be a folder that can be made; got {str(checkpoint_dir)!r} ({error})."
        ) from error
