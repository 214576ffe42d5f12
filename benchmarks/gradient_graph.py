"""A training step of Graph of Gradients: against edges that are built in Python lists, and against plain training.

Run: python -m benchmarks.gradient_graph
"""

import torch

from fairlearn_fwh.inprocessing._training._learners import make_learner
from fairlearn_fwh.inprocessing.reweighted._gradient_graph_weighting import (
    GradientGraphWeighting,
    nearest_neighbors,
    vector_distances,
)
from fairlearn_fwh.inprocessing.reweighted._network import ReweightedNetwork
from fairlearn_fwh.inprocessing.reweighted._robust_weighting import RobustWeighting
from fairlearn_fwh.inprocessing.reweighted._weighting import Batch, normalize_weights

from ._timing import seconds, show

BATCH, FEATURES, REPEATS = 256, 50, 30


class ListedEdges(GradientGraphWeighting):
    """The same adversary with gradients that are made, edges in Python lists and messages summed along them, as published."""

    def forward(self, batch: Batch) -> torch.Tensor:
        """Weights, shape (B,)."""
        nodes = self.body(batch.X) @ self.convolutions[0].linear.weight.T
        gradients = (batch.residuals[:, :, None] * batch.representation[:, None]).flatten(1)
        edges = []
        for i, row in enumerate(nearest_neighbors(vector_distances(gradients), self.n_neighbors).tolist()):
            edges += [[i, i]] + [[i, j] for j in row]
        target, source = torch.tensor(edges).T
        degree = torch.zeros(len(nodes)).index_add(0, target, torch.ones(len(edges)))
        norm = (degree[target] * degree[source]) ** -0.5
        summed = torch.zeros_like(nodes).index_add(0, target, norm[:, None] * nodes[source])
        return normalize_weights((summed + self.convolutions[0].linear.bias)[:, 0], self.weight_normalization)


def adversary(kind: type[GradientGraphWeighting]) -> GradientGraphWeighting:
    return kind(
        n_features=FEATURES, n_classes=2, n_representation=32, n_outputs=1, n_neighbors=3, n_graph_layers=1, gradient="weights",
        graph="gradients", metric="euclidean", node_features="inputs", weight_normalization="bounded", hidden_layer_sizes=(32,),
    )  # fmt: skip


def main() -> None:
    """Run all comparisons."""
    batch = {
        "X": torch.randn(BATCH, FEATURES), "y": torch.randint(2, (BATCH,)), "weight": torch.ones(BATCH), "row": torch.arange(BATCH),
    }  # fmt: skip

    def step(network: ReweightedNetwork) -> None:
        network.zero_grad()
        network(**batch).sum().backward()

    def timed(weighting: torch.nn.Module) -> float:
        network = ReweightedNetwork(make_learner(None, FEATURES, 1, (64, 32)), weighting, 0).train()
        network.epoch = 1
        return seconds(lambda: step(network), REPEATS)

    ours = timed(adversary(GradientGraphWeighting))
    show(
        f"step of {BATCH} people; theirs: edges in Python lists",
        ours,
        timed(adversary(ListedEdges)),
        5,
    )
    show("step; theirs: plain training", ours, timed(RobustWeighting("chi2", 1.0, 1.0)), 1 / 2)


if __name__ == "__main__":
    main()
