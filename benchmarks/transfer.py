"""A training step of the multi-task transfer: with the fairness loss against the same step without.

Run: python -m benchmarks.transfer
"""

import torch
from torch import nn

from fairlearn_fwh.inprocessing import DifferentialEqualizedOddsLoss
from fairlearn_fwh.inprocessing._training._encoders import make_table_encoder
from fairlearn_fwh.inprocessing.transfer._network import FairnessTerm, TransferNetwork

from ._timing import seconds, show

BATCH, FEATURES, REPEATS = 256, 50, 300


def network(n_groups: int, path: str) -> TransferNetwork:
    """A network whose auxiliary is fair, if it has groups."""
    losses = {1: DifferentialEqualizedOddsLoss(n_groups, 2)} if n_groups else {}
    made = TransferNetwork(
        [nn.Identity(), nn.Identity()], make_table_encoder(FEATURES, (64, 32)), [nn.Linear(32, 1), nn.Linear(32, 1)], losses,
        FairnessTerm(0.3, 0.0, path, 0),
    )  # fmt: skip
    made.epoch = 1
    return made.train()


def main() -> None:
    """Run all comparisons."""
    for n_groups in (2, 20):
        batch = {
            "X": torch.randn(BATCH, FEATURES), "y": torch.randint(2, (BATCH,)), "group": torch.randint(n_groups, (BATCH,)),
            "weight": torch.ones(BATCH), "task": torch.ones(BATCH, dtype=torch.long),
        }  # fmt: skip

        def timed(made: TransferNetwork, batch: dict[str, torch.Tensor] = batch) -> float:
            optimizer = torch.optim.AdamW(made.parameters())

            def step() -> None:
                optimizer.zero_grad()
                made(**batch).sum().backward()
                optimizer.step()

            return seconds(step, REPEATS)

        show(
            f"step of {BATCH} people, {n_groups} groups; theirs: without fairness",
            timed(network(n_groups, "encoder")),
            timed(network(0, "encoder")),
            1 / 1.5,
        )


if __name__ == "__main__":
    main()
