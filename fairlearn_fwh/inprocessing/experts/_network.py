"""The networks of selective experts: one encoder with a head for everybody, or with a head for each group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from .._training._trained_alone import TrainedAlone
from ._losses import centre_losses, centre_similarities, diversity_losses, draw_partners


class EncoderNetwork(TrainedAlone):
    """A network that begins with an encoder.

    Parameters
    ----------
    encoder : torch module
    in_bfloat16 : bool
        Whether the encoder learns with products in bfloat16; losses are always computed in float32.
    """

    #: Whether the best epoch is that with the smallest mean of the groups' losses, or of everybody's.
    groups_weigh_equally: bool

    def __init__(self, encoder: nn.Module, in_bfloat16: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.in_bfloat16 = in_bfloat16

    def encode(self, X: Tensor) -> Tensor:
        """Representation, shape (B, m), float32."""
        with torch.autocast(X.device.type, torch.bfloat16, enabled=self.in_bfloat16 and self.training):
            return self.encoder(X).float()


class PooledNetwork(EncoderNetwork):
    """An encoder and one head for everybody.

    Parameters
    ----------
    encoder : torch module
    n_outputs : int
        Size of its representation.
    n_classes : int
    in_bfloat16 : bool
    """

    groups_weigh_equally = False

    def __init__(self, encoder: nn.Module, n_outputs: int, n_classes: int, in_bfloat16: bool = False) -> None:
        super().__init__(encoder, in_bfloat16)
        self.head = nn.Linear(n_outputs, n_classes)

    def person_losses(self, X: Tensor, y: Tensor, group: Tensor) -> Tensor:
        """Cross-entropy of each person, shape (B,)."""
        return cross_entropy(self.head(self.encode(X)), y, reduction="none")

    def forward(self, X: Tensor, y: Tensor, group: Tensor, weight: Tensor) -> Tensor:
        """Mean cross-entropy, shape (1,)."""
        return ((weight * self.person_losses(X, y, group)).sum() / weight.sum())[None]


@dataclass(frozen=True)
class ExpertWeights:
    """Weights and temperatures of the losses (arXiv 2511.06293)."""

    discriminator: float
    centre: float
    diversity: float
    temperature: float
    centre_temperature: float
    diversity_form: str

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> ExpertWeights:
        """Take what `SelectiveExpertsClassifier` was given."""
        return cls(
            parameters["discriminator_weight"],
            parameters["center_weight"],
            parameters["diversity_weight"],
            parameters["temperature"],
            parameters["center_temperature"],
            parameters["diversity_form"],
        )


class ExpertNetwork(EncoderNetwork):
    """An encoder, a head for each group, a discriminator of groups and virtual centres.

    Parameters
    ----------
    encoder : torch module
    n_outputs : int
        Size m of its representation.
    n_groups, n_classes : int
    weights : ExpertWeights
    generator : torch.Generator
        Draws partners.
    in_bfloat16 : bool
    """

    groups_weigh_equally = True

    def __init__(
        self,
        encoder: nn.Module,
        n_outputs: int,
        n_groups: int,
        n_classes: int,
        weights: ExpertWeights,
        generator: torch.Generator,
        in_bfloat16: bool = False,
    ) -> None:
        super().__init__(encoder, in_bfloat16)
        self.heads = nn.Linear(n_outputs, n_groups * n_classes)
        self.discriminator = nn.Linear(n_outputs, n_groups)
        centres = 2 * torch.rand(n_groups, n_outputs, n_classes) - 1
        self.centres = nn.Parameter(normalize(centres, dim=1))
        self.n_groups = n_groups
        self.weights = weights
        self.generator = generator
        self.learns_representation = self.learns_heads = True

    def person_losses(self, X: Tensor, y: Tensor, group: Tensor) -> Tensor:
        """What each person loses, shape (B,): cross-entropy by the group's head, or while there are no heads by separation."""
        z = self.encode(X)
        return self._classification(z, y, group) if self.learns_heads else self._separation(z, y, group)

    def freeze_representation(self) -> None:
        """From now on train the heads alone."""
        self.learns_representation, self.learns_heads = False, True
        for parameter in (*self.encoder.parameters(), *self.discriminator.parameters(), self.centres):
            parameter.requires_grad_(False)

    def forward(self, X: Tensor, y: Tensor, group: Tensor, weight: Tensor) -> Tensor:
        """Sum of the losses, shape (1,)."""
        if not self.learns_representation:
            self.encoder.eval()  # its buffers are part of the representation
        z = self.encode(X)
        total = z.new_zeros(())
        if self.learns_heads:
            # Groups weigh equally: the sum over the groups in the batch of their means.
            losses = weight * self._classification(z, y, group)
            # A product, because GPUs add by index in an order of their own.
            sums = torch.stack([losses, weight]) @ one_hot(group, self.n_groups).to(z.dtype)
            total = total + (sums[0] / sums[1].clamp(min=torch.finfo(z.dtype).tiny)).sum()
        if self.learns_representation:
            total = total + (weight * self._separation(z, y, group)).sum() / weight.sum()
        return total[None]

    def _classification(self, z: Tensor, y: Tensor, group: Tensor) -> Tensor:
        """Cross-entropy of each person by the head of its group."""
        scores = self.heads(z).unflatten(1, (self.n_groups, -1))
        own = group[:, None, None].expand(-1, 1, scores.shape[2])
        return cross_entropy(scores.gather(1, own).squeeze(1), y, reduction="none")

    def _separation(self, z: Tensor, y: Tensor, group: Tensor) -> Tensor:
        """Weighted sum of each person's losses by discriminator, centres and partners."""
        w = self.weights
        unit = normalize(z, dim=1)
        similarities = centre_similarities(unit, self.centres)
        alike, unlike = draw_partners(y, group, self.generator)
        losses = w.discriminator * cross_entropy(self.discriminator(z), group, reduction="none")
        losses = losses + w.centre * centre_losses(similarities, y, group, w.centre_temperature)
        return losses + w.diversity * diversity_losses(
            unit, similarities, y, group, alike, unlike, w.temperature, w.diversity_form
        )
