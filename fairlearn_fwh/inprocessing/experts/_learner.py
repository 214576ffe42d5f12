"""Training of selective experts: the pooled network, and the network with a head for each group."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn

from ...base._samples import Sample
from ...metrics._core._groups import Groups
from ...metrics._core._names import group_name
from .._training._batches import TensorTable
from .._training._callbacks import check_callbacks
from .._training._checkpoints import Checkpoint
from .._training._devices import torch_device
from .._training._inputs import Augmentation, Inputs
from .._training._networks import ModuleNetwork, RectifiedNetwork, as_precise_network
from .._training._parameters import rates
from .._training._precision import has_convolutions, multiplying
from .._training._seeding import seeded
from .._training._trainer import train
from ._network import EncoderNetwork, ExpertNetwork, ExpertWeights, PooledNetwork
from ._network_classifiers import NetworkClassifier

#: Rows that are validated at a time.
_CHUNK = 4096

#: Networks that are trained one after the other, by which their checkpoints are named.
POOLED, REPRESENTATION, EXPERTS, REFITTED = "pooled", "representation", "experts", "refitted"


@dataclass(frozen=True)
class Training:
    """How every network is trained; see `SelectiveExpertsClassifier`."""

    learning_rate: float
    encoder_learning_rate: float | None
    batch_size: int
    gradient_accumulation_steps: int
    max_epochs: int
    patience: int
    augmentation: Augmentation | None
    precision: str
    num_workers: int
    device: str
    checkpoint_dir: Path | None
    fingerprint: str
    callbacks: Sequence[Callback]
    verbose: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any], fingerprint: str) -> Training:
        """Take what `SelectiveExpertsClassifier` was given."""
        given = {part.name: parameters[part.name] for part in fields(cls) if part.name != "fingerprint"}
        folder = given.pop("checkpoint_dir")
        callbacks = check_callbacks(given.pop("callbacks"))
        folder = None if folder is None else Path(folder)
        return cls(**given, checkpoint_dir=folder, callbacks=callbacks, fingerprint=fingerprint)

    def checkpoint(self, name: str, *generators: torch.Generator) -> Checkpoint | None:
        """Where the state of a network's training is kept."""
        if self.checkpoint_dir is None:
            return None
        return Checkpoint(self.checkpoint_dir / f"{name}.pt", self.fingerprint, generators)


@dataclass(frozen=True)
class LearnedExperts:
    """What an expert network knows.

    Attributes
    ----------
    experts : dict from group to NetworkClassifier
    discriminator : NetworkClassifier
        Its classes are positions of groups.
    encoder : callable (inputs) -> representation, shape (n, m)
    """

    experts: dict[Any, NetworkClassifier]
    discriminator: NetworkClassifier
    encoder: Callable[[np.ndarray], np.ndarray]


@dataclass
class ExpertLearner:
    """Trains networks on some rows of a sample, and finds their best epoch on others.

    Attributes
    ----------
    sample : Sample
    groups : Groups or None
    fitting, validation : ndarray of int
        Positions of rows.
    inputs : Inputs
    classes : ndarray
    new_encoder : callable () -> (torch module, size of its output)
    training : Training
    seed : RandomState
    history : dict from name of a network to list of dict
        Validation losses after each epoch.
    interrupted : bool
        Whether the training of a network was interrupted.
    """

    sample: Sample
    groups: Groups | None
    fitting: np.ndarray
    validation: np.ndarray
    inputs: Inputs
    classes: np.ndarray
    new_encoder: Callable[[int], tuple[nn.Module, int]]
    training: Training
    seed: np.random.RandomState
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    interrupted: bool = False

    def learn_pooled(self, name: str = POOLED) -> NetworkClassifier:
        """Train a network for everybody."""
        encoder, n_outputs = self.new_encoder(self._draw())
        with seeded(self._draw()):
            network = PooledNetwork(encoder, n_outputs, len(self.classes), self._in_bfloat16)
        codes = np.zeros(len(self.sample), dtype=int) if self.groups is None else self.groups.codes
        names = ["all"] if self.groups is None else [group_name(label) for label in self.groups.labels]
        self._train(network, name, codes, names)
        return self._classifier(network.encoder, network.head)

    def learn_pooled_again(self, more: np.ndarray) -> NetworkClassifier | None:
        """Train the network for everybody on more rows; None if that is interrupted."""
        wider = replace(self, fitting=np.sort(np.r_[self.fitting, more]))
        network = wider.learn_pooled(REFITTED)
        return None if wider.interrupted else network

    def learn_experts(self, labels: list[Any], weights: ExpertWeights, *, two_stage: bool) -> LearnedExperts:
        """Train an encoder with a head for each of these groups."""
        assert self.groups is not None
        codes = np.full(len(self.groups), -1)
        codes[[self.groups.labels.index(label) for label in labels]] = np.arange(len(labels))
        codes = codes[self.groups.codes]
        names = [group_name(label) for label in labels]
        encoder, n_outputs = self.new_encoder(self._draw())
        partners = torch.Generator().manual_seed(self._draw())
        with seeded(self._draw()):
            network = ExpertNetwork(
                encoder=encoder,
                n_outputs=n_outputs,
                n_groups=len(labels),
                n_classes=len(self.classes),
                weights=weights,
                generator=partners,
                in_bfloat16=self._in_bfloat16,
            )
        if two_stage:
            network.learns_heads = False
            self._train(network, REPRESENTATION, codes, names, partners)
            network.freeze_representation()
        self._train(network, EXPERTS, codes, names, partners)
        heads = [_part_of(network.heads, k, len(self.classes)) for k in range(len(labels))]
        return LearnedExperts(
            {
                label: self._classifier(network.encoder, head)
                for label, head in zip(labels, heads, strict=True)
            },
            NetworkClassifier(
                self.inputs, _network(network.encoder, network.discriminator), np.arange(len(labels))
            ),
            _network(network.encoder, _identity(n_outputs)),
        )

    @property
    def _in_bfloat16(self) -> bool:
        return self.training.precision == "bfloat16"

    def _draw(self) -> int:
        return self.seed.randint(2**31)

    def _train(
        self,
        network: EncoderNetwork,
        name: str,
        codes: np.ndarray,
        names: list[str],
        *generators: torch.Generator,
    ) -> None:
        """Train a network on the people whose code is not negative, and load its best state."""
        t = self.training
        fitting, validating = (rows[codes[rows] >= 0] for rows in (self.fitting, self.validation))
        if not len(validating):
            validating = fitting
        device = torch_device(t.device)
        if device.startswith("cuda") and has_convolutions(network):
            network.to(memory_format=torch.channels_last)
        table = TensorTable(self._columns(codes, validating), device, t.num_workers)
        with (
            seeded(self._draw()),
            multiplying(t.precision, device),
        ):  # modules such as dropout draw from torch's global generator
            shuffle = torch.Generator().manual_seed(self._draw())
            history = train(
                network,
                self._columns(codes, fitting, t.augmentation),
                lambda module: [_validate(module, table, names)],
                n_members=1,
                optimizer="adam",
                parameter_groups=rates(t.encoder_learning_rate, "encoder.*"),
                learning_rate=t.learning_rate,
                max_epochs=t.max_epochs,
                batch_size=t.batch_size,
                gradient_accumulation_steps=t.gradient_accumulation_steps,
                patience=t.patience,
                generator=shuffle,
                device=device,
                num_workers=t.num_workers,
                # What follows an interrupted training is not what would have followed the whole one.
                checkpoint=None if self.interrupted else t.checkpoint(name, shuffle, *generators),
                callbacks=t.callbacks,
                verbose=t.verbose,
            )
        network.load_arrays(history.best[0][2])
        network.cpu().eval()
        self.history[name] = [epoch[0] for epoch in history.figures]
        self.interrupted |= history.interrupted

    def _columns(
        self, codes: np.ndarray, rows: np.ndarray, augmentation: Augmentation | None = None
    ) -> dict[str, Any]:
        """What a network is trained on."""
        part = self.sample.take(rows)
        weights = np.ones(len(rows)) if part.weights is None else part.weights
        return {
            "X": self.inputs.column(part.X, augmentation),
            "y": np.searchsorted(self.classes, part.y),
            "group": codes[rows].astype(np.int64),
            "weight": (weights / weights.mean()).astype(np.float32),
        }

    def _classifier(self, encoder: nn.Module, head: nn.Linear) -> NetworkClassifier:
        return NetworkClassifier(self.inputs, _network(encoder, head), self.classes)


@torch.no_grad()
def _validate(
    network: EncoderNetwork, table: TensorTable, names: Sequence[str]
) -> tuple[tuple[float, ...], dict[str, Any]]:
    """Key of the best epoch, and mean losses: that by which it is chosen, and each group's."""
    columns: list[list[torch.Tensor]] = [[], [], []]
    device = next(network.parameters()).device
    for batch, _ in table.batches(torch.arange(len(table)).split(_CHUNK)):
        there = {name: column.to(device) for name, column in batch.items()}
        losses = network.person_losses(there["X"], there["y"], there["group"])
        for column, values in zip(columns, (losses, batch["weight"], batch["group"]), strict=True):
            column.append(values)
    loss, weight, group = (torch.cat(parts).cpu().double().numpy() for parts in columns)
    codes = group.astype(int)
    sums, sizes = np.bincount(codes, loss * weight), np.bincount(codes, weight)
    by_group = {int(k): float(sums[k] / sizes[k]) for k in np.flatnonzero(sizes)}
    chosen_by = float(
        np.mean(list(by_group.values())) if network.groups_weigh_equally else np.average(loss, weights=weight)
    )
    return (-chosen_by,), {"loss": chosen_by, "groups": {names[k]: value for k, value in by_group.items()}}


def _network(encoder: nn.Module, head: nn.Linear) -> ModuleNetwork | RectifiedNetwork:
    """Encoder and head as a function of arrays."""
    layers = list(encoder) if type(encoder) is nn.Sequential else [encoder]
    return as_precise_network(nn.Sequential(*layers, copy.deepcopy(head)).eval())


def _identity(n_outputs: int) -> nn.Linear:
    """A head that leaves a representation as it is."""
    head = nn.utils.skip_init(nn.Linear, n_outputs, n_outputs)
    head.load_state_dict({"weight": torch.eye(n_outputs), "bias": torch.zeros(n_outputs)})
    return head


def _part_of(heads: nn.Linear, k: int, n_classes: int) -> nn.Linear:
    """Head of one group."""
    part = nn.utils.skip_init(nn.Linear, heads.in_features, n_classes)  # draws no numbers
    rows = slice(k * n_classes, (k + 1) * n_classes)
    part.load_state_dict({"weight": heads.weight[rows].detach(), "bias": heads.bias[rows].detach()})
    return part
