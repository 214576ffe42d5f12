"""A training step of selective experts: against partner sampling by Python loops, and against a plain network."""

import torch
from torch.nn.functional import normalize

from fairlearn_fwh.inprocessing._training._encoders import make_convolutional_encoder, make_table_encoder
from fairlearn_fwh.inprocessing.experts._losses import (
    centre_losses,
    centre_similarities,
    diversity_losses,
    draw_partners,
)
from fairlearn_fwh.inprocessing.experts._network import ExpertNetwork, ExpertWeights, PooledNetwork

from ._timing import seconds, show

BATCH, GROUPS, CLASSES, REPEATS = 256, 5, 2, 20

WEIGHTS = ExpertWeights(0.1, 1.0, 1.0, 0.07, 0.1, "stable")


def loop_partners(y: torch.Tensor, group: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw partners as the published step does: masks of B x B, and a Python loop over the batch for either partner."""
    same_class, same_group = y[:, None] == y[None], group[:, None] == group[None]
    others = ~torch.eye(len(y), dtype=torch.bool)
    drawn = []
    for mask in (same_class & same_group & others, same_class & ~same_group):
        rows = []
        for i in range(len(y)):
            candidates = torch.nonzero(mask[i]).flatten()
            rows.append(candidates[torch.randint(len(candidates), (1,))].item() if len(candidates) else -1)
        drawn.append(torch.tensor(rows))
    return drawn[0], drawn[1]


def losses(z: torch.Tensor, centres: torch.Tensor, y: torch.Tensor, group: torch.Tensor, loops: bool) -> None:
    """One step of the losses that keep groups apart, with gradients, without the encoder."""
    z = normalize(z)
    similarities = centre_similarities(z, centres)
    alike, unlike = loop_partners(y, group) if loops else draw_partners(y, group, torch.Generator())
    loss = centre_losses(similarities, y, group, 0.1)
    loss = loss + diversity_losses(z, similarities, y, group, alike, unlike, 0.07)
    loss.mean().backward()


def against_loops(n_outputs: int = 64) -> None:
    """Compare the losses with those whose partners are drawn by loops."""
    y, group = torch.randint(CLASSES, (BATCH,)), torch.randint(GROUPS, (BATCH,))
    z = torch.randn(BATCH, n_outputs, requires_grad=True)
    centres = normalize(torch.rand(GROUPS, n_outputs, CLASSES), dim=1).requires_grad_()
    show(
        f"losses of a batch of {BATCH} without the encoder; theirs: loops",
        seconds(lambda: losses(z, centres, y, group, loops=False), REPEATS),
        seconds(lambda: losses(z, centres, y, group, loops=True), REPEATS),
        10,
    )


def against_plain(name: str, make: object, shape: tuple[int, ...], n_outputs: int) -> None:
    """Compare a step with one of a network that has the same encoder and one head."""
    batch = {
        "X": torch.randn(BATCH, *shape),
        "y": torch.randint(CLASSES, (BATCH,)),
        "group": torch.randint(GROUPS, (BATCH,)),
        "weight": torch.ones(BATCH),
    }
    plain = PooledNetwork(make(shape), n_outputs, CLASSES)
    experts = ExpertNetwork(make(shape), n_outputs, GROUPS, CLASSES, WEIGHTS, torch.Generator())

    def step(network: torch.nn.Module) -> None:
        network.zero_grad()
        network(**batch).sum().backward()

    show(
        f"step; theirs: a plain network, {name}",
        seconds(lambda: step(experts), REPEATS),
        seconds(lambda: step(plain), REPEATS),
        1 / 1.5,
    )


def main() -> None:
    """Run all comparisons."""
    against_loops()
    against_plain("pictures 28 x 28", make_convolutional_encoder, (3, 28, 28), 64)
    against_plain("50 features", lambda shape: make_table_encoder(shape[0], (128, 64)), (50,), 64)


if __name__ == "__main__":
    main()
