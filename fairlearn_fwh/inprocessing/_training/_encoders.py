"""Encoders: networks that turn a person's features or image into a representation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


def make_table_encoder(n_features: int, hidden_layer_sizes: Sequence[int]) -> nn.Sequential:
    """Make a network of rectified layers, of which the last is the representation; without any the features are."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((n_features, *hidden_layer_sizes)):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def make_convolutional_encoder(input_shape: tuple[int, ...]) -> nn.Sequential:
    """Make a small convolutional encoder for images of 16 x 16 pixels or more.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, height, width.

    Returns
    -------
    torch module
        Maps (n, channels, height, width) to (n, 64).

    Examples
    --------
    >>> import torch
    >>> from fairlearn_fwh.inprocessing import make_convolutional_encoder
    >>> make_convolutional_encoder((3, 28, 28))(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 64])
    """
    layers: list[nn.Module] = []
    for inputs, outputs in ((input_shape[0], 16), (16, 32), (32, 64)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.GroupNorm(8, outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016, figure 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, X: Tensor) -> Tensor:
        """Outputs, shape (n, outputs, height / stride, width / stride)."""
        return torch.relu(self.path(X) + self.shortcut(X))


def make_resnet18_encoder(input_shape: tuple[int, ...]) -> nn.Sequential:
    """Make a ResNet-18 for small images: 3 x 3 convolutions from the first layer on, no pooling before the blocks.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, height, width.

    Returns
    -------
    torch module
        Maps (n, channels, height, width) to (n, 512).

    References
    ----------
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1 and section 4.2.

    Examples
    --------
    >>> import torch
    >>> from fairlearn_fwh.inprocessing import make_resnet18_encoder
    >>> make_resnet18_encoder((3, 28, 28))(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2, 512])
    """
    blocks: list[nn.Module] = []
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [ResidualBlock(inputs, outputs, stride), ResidualBlock(outputs, outputs, 1)]
        inputs = outputs
    stem = nn.Sequential(
        nn.Conv2d(input_shape[0], 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()
    )
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def make_encoder(
    encoder: nn.Module | Callable[[tuple[int, ...]], nn.Module] | None,
    input_shape: tuple[int, ...],
    hidden_layer_sizes: Sequence[int],
    example: Tensor | None = None,
) -> tuple[nn.Module, int]:
    """Make an encoder anew, and find the size of its output by a dry run.

    Parameters
    ----------
    encoder : torch module, callable (input_shape) -> torch module, or None
    input_shape : tuple of int
        Of one row.
    hidden_layer_sizes : sequence of int
        Of the encoder of tables that is made if none is given.
    example : Tensor, shape (2, *input_shape), optional
        What the dry run is made with, where zeros will not do: tokens of texts.

    Returns
    -------
    module : torch module
    width : int

    Raises
    ------
    ValueError
        If its output is not of shape (n, m), or it cannot take the input.
    """
    if encoder is None and example is not None:
        raise ValueError(
            "Texts as tokens need an encoder, such as encoder=make_transformer_encoder(name_or_folder)."
        )
    if encoder is None:
        module: Any = (
            make_table_encoder(input_shape[0], hidden_layer_sizes)
            if len(input_shape) == 1
            else make_convolutional_encoder(input_shape)
        )
    else:
        # A copy also of what a function returns: it may be the same module each time.
        module = copy.deepcopy(encoder if isinstance(encoder, nn.Module) else encoder(input_shape))
    module.eval()
    try:
        with torch.no_grad():
            output = module(torch.zeros(2, *input_shape) if example is None else example)
    except Exception as error:
        if example is not None:
            raise ValueError(
                f"encoder cannot take texts of shape (2, {', '.join(map(str, input_shape))}) with tokens up to {int(example[:, 0].max()):,}: {error}. Does it have another vocabulary?"
            ) from error
        raise ValueError(
            f"encoder cannot take float32 inputs of shape (2, {', '.join(map(str, input_shape))}): {error}"
        ) from error
    if output.ndim != 2 or len(output) != 2:
        raise ValueError(f"encoder must return (n, m) for n people; for 2 it returned {tuple(output.shape)}.")
    return module, output.shape[1]
