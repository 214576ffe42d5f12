"""By which a training on weighted people that was stopped is known again, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...base._fingerprint import fingerprint
from ...base._samples import Sample
from .._training._checkpoints import Checkpoint, Remembers
from ._network import ReweightedNetwork

#: Parameters that change nothing of what is learned; the module is known by the network that is made of it, and more epochs may be asked for.
_NOT_OF_TRAINING = {"module", "callbacks", "checkpoint_dir", "device", "verbose", "max_epochs"}


def make_checkpoint(
    parameters: Mapping[str, Any],
    network: ReweightedNetwork,
    sample: Sample,
    choice: Remembers,
    generator: torch.Generator,
) -> Checkpoint | None:
    """Say where the state of a training is kept, if it is.

    Parameters
    ----------
    parameters : dict from str to object
        Of the classifier.
    network : ReweightedNetwork
        As it is before training.
    sample : Sample
    choice : LeastRisk or LeastWorstWeighting
    generator : torch.Generator
        Draws the batches.

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
    settings = {name: value for name, value in parameters.items() if name not in _NOT_OF_TRAINING}
    known_by = fingerprint(
        np.asarray(sample.X),
        sample,
        settings | {"random_state": int(settings["random_state"])},
        repr(network),
        {name: value.numpy() for name, value in network.state_dict().items()},
    )
    checkpoint = Checkpoint(Path(folder) / "network.pt", known_by, (generator, network, choice))
    checkpoint.check(parameters["max_epochs"])
    return checkpoint
