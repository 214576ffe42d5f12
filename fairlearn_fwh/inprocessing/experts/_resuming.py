"""By what a training that was stopped is known again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from ...base._fingerprint import code_of, fingerprint
from ...base._samples import Sample
from ...metrics._core._groups import Groups
from .._training._images import DatasetImages
from .._training._inputs import ImageInputs, Inputs

#: Parameters that change what is learned; and `max_epochs`, if there are two stages.
_OF_TRAINING = (
    "discriminator_weight", "center_weight", "diversity_weight", "temperature", "center_temperature", "diversity_form", "two_stage",
    "min_group_size", "validation_fraction", "selection_fraction", "learning_rate", "encoder_learning_rate", "batch_size",
    "gradient_accumulation_steps", "patience", "precision", "random_state",
)  # fmt: skip


def fingerprint_of_training(
    parameters: Mapping[str, Any],
    encoder: nn.Module,
    inputs: Inputs,
    sample: Sample,
    groups: Groups | None,
) -> str:
    """Say which data and settings a training is of; images of a Dataset are known by number, shape, means and scales.

    Parameters
    ----------
    parameters : dict from str to object
        Of `SelectiveExpertsClassifier`.
    encoder : torch module
        As it is made from a fixed seed.
    inputs : TableInputs or ImageInputs
    sample : Sample
    groups : Groups or None

    Returns
    -------
    str
    """
    settings = {name: parameters[name] for name in _OF_TRAINING} | {
        "random_state": int(parameters["random_state"]),
        "max_epochs": parameters["max_epochs"] if parameters["two_stage"] else None,
        "augmentation": code_of(parameters["augmentation"]),
    }
    weights = {name: value.numpy() for name, value in encoder.state_dict().items()}
    if isinstance(sample.X, DatasetImages) and isinstance(inputs, ImageInputs):
        X: Any = (sample.X.shape, inputs.mean, inputs.scale)
    else:
        X = np.asarray(sample.X)
    codes = None if groups is None else (groups.codes, groups.labels)
    return fingerprint(X, sample, codes, sample.units, settings, repr(encoder), weights)
